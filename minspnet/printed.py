"""What the command line prints for people; ``--json`` prints the same results whole."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minspnet.patches import PATCH, STRETCH, patch_sums, stretch_sums


def show_domains(result: list[dict[str, Any]]) -> list[str]:
    """One paragraph a task."""
    lines = []
    for domain in result:
        lines += [f"{domain['domain']}: {domain['question']}"]
        lines += [f"  variants: {', '.join(domain['variants'])}"]
        lines += [f"  concepts: {', '.join(domain['concepts'])}"]
    return lines


def show_train(result: dict[str, Any]) -> list[str]:
    """Where the model went, and what it scored."""
    lines = [f"saved {result['model']}: {result['parameters']:,} parameters"]
    lines += _score_lines(result)
    for name, scores in result.get("baselines", {}).items():
        lines.append(f"  {name:24s} accuracy {scores['accuracy']:.3f}  AUC {scores['auc']:.3f}")
    return lines


def show_evaluate(result: dict[str, Any]) -> list[str]:
    """The scores of a policy."""
    lines = [f"{result['model']} on {result['cases']} {result['part']} cases"]
    lines += _score_lines(result)
    between = [
        f"{name} {pair[0]:.3f} to {pair[1]:.3f}"
        for name, pair in result["interval_95"].items()
        if pair and name in ("accuracy", "auc")
    ]
    lines.append(f"  {'operating point, 95%':24s} {', '.join(between).replace('auc', 'AUC')}")
    lines.append("concept rank correlation, all experts on")
    for name, value in result["concept_rank_correlation"].items():
        lines.append(f"  {name:24s} {'constant' if value is None else f'{value:6.2f}'}")
    accuracies = result["intervention"]["accuracies"]
    lines.append("accuracy after correcting 0, 1, ... concepts, all experts on")
    return [*lines, "  " + "  ".join(f"{value:.3f}" for value in accuracies)]


def _score_lines(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for way, title in (
        ("gated", "operating point"),
        ("all_on", "all experts"),
        ("base_only", "base only"),
    ):
        score = result[way]
        share = score["mean_macs"] / result["total_macs"]
        lines.append(
            f"  {title:24s} accuracy {score['accuracy']:.3f}  AUC {score['auc']:.3f}  "
            f"{2 * score['mean_macs']:,.0f} FLOPs ({share:.0%})"
        )
    return lines


def show_sweep(result: dict[str, Any]) -> list[str]:
    """One row a threshold."""
    lines = [
        f"{result['model']} on {result['cases']} {result['part']} cases, one shared threshold; "
        "the last row opens no gate"
    ]
    lines.append("  gate threshold  accuracy    AUC   mean FLOPs")
    for point in result["points"]:
        lines.append(
            f"  {point['gate_threshold']:14.3f}  {point['accuracy']:8.3f}  {point['auc']:5.3f}"
            f"  {point['mean_flops']:11,.0f}"
        )
    return lines


def _percent(probability: float) -> str:
    return "> 99%" if probability > 0.99 else f"{probability:.0%}"


def show_explain(result: dict[str, Any]) -> list[str]:
    """One case: the decision, what each concept adds, and the inputs that matter most."""
    probability = result["probabilities"][result["predicted"]]
    part = "a case it was trained on" if result["part"] == "train" else f"{result['part']} case"
    lines = [f"{result['case']}: {result['predicted']} ({_percent(probability)}), {part}"]
    sentences = [result["set_sentence"], *result["warnings"]]
    lines += [f"! {one}" if one in result["warnings"] else one for one in dict.fromkeys(sentences)]
    lines.append(f"for {result['explained']}, against {result['against']}")
    lines.append(f"  {'a typical known case':64s} {result['start']:+8.3f}")
    for concept in result["concepts"].values():
        said = f"{concept['title']} {concept['shown']:.1f} {concept['unit']}"
        if concept["in_the_data"] is not None:
            said += f" (in the data: {concept['in_the_data']})"
        lines.append(f"  {said:64s} {concept['adds_to_logit']:+8.3f}")
    for past in result["residual"].values():
        lines.append(f"  {past['title']:64s} {past['adds_to_logit']:+8.3f}")
    lines.append(f"  {'logit':64s} {result['logit']:+8.3f}")
    temperature = f"the temperature, {result['temperature']:.2f}"
    lines.append(f"  (chances are of logits divided by {temperature})")
    lines.append("of which, by part")
    lines.append(f"  {'stem and base exit':38s} {result['base']:+.3f}")
    for name, expert in result["experts"].items():
        ran = "ran" if expert["ran"] else f"skipped, {expert['skipped_because']}"
        lines.append(
            f"  {name:20s} gate {expert['gate']:.2f} {expert['adds_to_logit']:+.3f}  {ran}"
        )
    values = result["attribution"]["values"]
    lines.append(f"  {result['attribution']['method']}: {result['attribution']['note']}")
    named = _stretch_values(values) if isinstance(values, dict) else _patch_values(values)
    top = sorted(named.items(), key=lambda item: -abs(item[1]))[:8]
    lines += [f"    {name:38s} {value:+8.3f}" for name, value in top]
    delta = result["attribution"]["convergence_delta"]
    if delta is not None:
        lines.append(f"    convergence delta {delta:+.4f}")
    return lines


def show_export(result: dict[str, Any]) -> list[str]:
    """Which file, how large, and for how many cases at a time."""
    many = "any number of cases" if result["cases_a_run"] == "any" else "one case"
    return [
        f"saved {result['file']}: {result['bytes']:,} bytes, {many} a run",
        f"  gate thresholds {result['policy']['gates']}, decision threshold "
        f"{result['policy']['cut']}, unless a run gives others",
    ]


def show_latency(result: dict[str, Any]) -> list[str]:
    """The operating point against all experts, then each part and each set of experts."""
    machine, whole, point = (result[key] for key in ("machine", "all_on", "operating_point"))
    lines = [
        f"{result['model']} on {machine['processor']}, {machine['threads']} of {machine['cores']} "
        f"cores, ONNX Runtime {machine['runtime']}, one at a time, {point['cases']} test cases"
    ]
    for title, one in (("operating point", point), ("all experts", whole)):
        lines.append(
            f"  {title:38s} {one['milliseconds']:8.4f} ms  {2 * one['macs']:11,.0f} FLOPs "
            f"({one['milliseconds'] / result['ungated']:.0%} of the time, "
            f"{one['macs'] / whole['macs']:.0%} of the FLOPs)"
        )
    lines.append(
        f"  {'all experts, without any gates':38s} {result['ungated']:8.4f} ms"
        "  (what these shares of time are of)"
    )
    lines.append(f"microseconds a part, medians of {result['rounds']} runs of each set compared")
    lines.append(f"  {'base, head and the call':38s} {1000 * result['base_milliseconds']:8.1f}")
    for name, milliseconds in result["expert_milliseconds"].items():
        lines.append(f"  {name:38s} {1000 * milliseconds:8.1f}")
    lines.append("milliseconds a set of experts: median, and the middle half of the runs")
    columns = (result[key] for key in ("sets", "milliseconds", "quartiles"))
    for active, middle, (low, high) in zip(*columns, strict=True):
        named = [name for name, on in zip(result["experts"], active, strict=True) if on]
        lines.append(f"  {middle:8.4f}  {low:.4f} to {high:.4f}  {', '.join(named) or 'none'}")
    return lines


def _stretch_values(inputs: Mapping[str, float | list[float]]) -> dict[str, float]:
    """Name each stretch of a channel by its samples, counted from 0; a column by itself."""
    named = {}
    for name, values in inputs.items():
        if isinstance(values, float):
            named[name] = values
            continue
        for stretch, value in enumerate(stretch_sums(np.array([values]))[0]):
            start = STRETCH * stretch
            last = min(start + STRETCH, len(values)) - 1
            named[f"{name}, samples {start} to {last}"] = float(value)
    return named


def _patch_values(pixels: list[list[list[float]]]) -> dict[str, float]:
    """Name each square of a picture by where its pixels lie, counted from the top left."""
    sums = patch_sums(np.array(pixels).sum(axis=0))
    return {
        f"{PATCH} x {PATCH} pixels from row {PATCH * row}, column {PATCH * column}": float(value)
        for (row, column), value in np.ndenumerate(sums)
    }
