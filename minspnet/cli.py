"""The command line: train, evaluate, sweep, explain, domains; each with ``--json``."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minspnet.arguments import EXIT_USER_ERROR, OneLineParser, new_folder, one_of, whole
from minspnet.artifact import Model, load, load_network, read_description, save
from minspnet.data import PARTS
from minspnet.domains import DOMAINS, find_domain, load_cases
from minspnet.errors import UserError
from minspnet.patches import PATCH, patch_sums
from minspnet.policy import Policy

if TYPE_CHECKING:
    from minspnet.study import Study

EXIT_OK, EXIT_INTERRUPTED = 0, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 bad input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        result = options.command(options)
    except UserError as error:
        print(f"minspnet: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("minspnet: interrupted; nothing was saved.", file=sys.stderr)
        return EXIT_INTERRUPTED
    try:
        print(json.dumps(result, indent=1) if options.json else "\n".join(options.show(result)))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left, as `head` does; python must not complain when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m minspnet",
        description="Train, score and explain networks whose explanation is their computation.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    domains = commands.add_parser("domains", help="list the tasks that ship with the product")
    _finish(domains, _domains, _show_domains)

    train = commands.add_parser("train", help="train a network on a task and save it as a folder")
    train.add_argument("domain", metavar="DOMAIN", help=f"one of {', '.join(DOMAINS)}")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to save to")
    train.add_argument(
        "--seed",
        type=whole("--seed", most=2**32 - 101),
        default=0,
        metavar="N",
        help="of split and training",
    )
    train.add_argument("--variant", metavar="NAME", help="choice of inputs (see domains)")
    train.add_argument(
        "--repeats",
        type=whole("--repeats", most=100),
        default=0,
        metavar="N",
        help="also train on N further splits, for the spread of the scores",
    )
    train.add_argument(
        "--epochs",
        type=whole("--epochs", 1),
        metavar="N",
        help="in place of the recipe's own number",
    )
    _finish(train, _train, _show_train)

    evaluate = commands.add_parser("evaluate", help="score a model on its test cases")
    evaluate.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    evaluate.add_argument(
        "--part", type=one_of("--part", PARTS[1:]), default="test", help="cases to score"
    )
    evaluate.add_argument("--gates", metavar="T,T,...", help="gate thresholds, or off, per expert")
    _finish(evaluate, _evaluate, _show_evaluate)

    sweep = commands.add_parser(
        "sweep", help="trade accuracy for FLOPs over a shared gate threshold"
    )
    sweep.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    sweep.add_argument(
        "--points",
        type=whole("--points", 2, 10_001),
        default=21,
        metavar="N",
        help="thresholds to try from 0 to 1; one more row shows every gate shut",
    )
    sweep.add_argument(
        "--part", type=one_of("--part", PARTS[1:]), default="validation", help="cases to score"
    )
    _finish(sweep, _sweep, _show_sweep)

    explain = commands.add_parser("explain", help="explain one case, from its inputs to its class")
    explain.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    explain.add_argument("--case", required=True, metavar="ID", help="a case of the model's domain")
    explain.add_argument(
        "--method", default="integrated_gradients", metavar="METHOD", help="attribution method"
    )
    _finish(explain, _explain, _show_explain)
    return parser


def _finish(parser: argparse.ArgumentParser, command: Any, show: Any) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(command=command, show=show)


def _domains(options: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        {
            "domain": domain.key,
            "title": domain.title,
            "question": domain.question,
            "variants": [variant.name for variant in domain.variants],
            "concepts": list(domain.concept_names),
            "classes": list(domain.classes),
            "licence": domain.licence,
        }
        for domain in DOMAINS.values()
    ]


def _show_domains(result: list[dict[str, Any]]) -> list[str]:
    lines = []
    for domain in result:
        lines += [f"{domain['domain']}: {domain['question']}"]
        lines += [f"  variants: {', '.join(domain['variants'])}"]
        lines += [f"  concepts: {', '.join(domain['concepts'])}"]
    return lines


def _train(options: argparse.Namespace) -> dict[str, Any]:
    domain = find_domain(options.domain)
    domain.variant(options.variant)
    with new_folder(options.out):
        first = _one_study(options, options.seed)
        runs = [first.metrics]
        for repeat in range(options.repeats):
            runs.append(_one_study(options, options.seed + 1 + repeat).metrics)
        from minspnet.study import summarise

        spread = {"runs": len(runs), "scores": summarise(runs)}
        metrics = {**first.metrics, "over_splits": spread}
        save(first, options.out, metrics)
    return {"model": str(options.out), "policy": first.policy.to_text(), **metrics}


def _one_study(options: argparse.Namespace, seed: int) -> "Study":
    from tqdm import tqdm

    from minspnet.data import folds
    from minspnet.presets import Preset, preset
    from minspnet.study import conduct

    domain = find_domain(options.domain)
    variant = domain.variant(options.variant)
    recipe = preset(domain, variant)
    if options.epochs:
        recipe = Preset(recipe.model, dataclasses.replace(recipe.training, epochs=options.epochs))
    cases = load_cases(domain, variant.name)
    split = next(folds(cases, seed))
    title = f"{domain.key} seed {seed}"
    # disable=None shows the bar on a terminal only, so that logs stay readable.
    with tqdm(total=recipe.training.epochs, desc=title, unit="epoch", disable=None) as bar:

        def advance(epoch: int, terms: dict[str, float]) -> None:
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})

        return conduct(domain, variant, recipe, cases, split, seed, on_epoch=advance)


def _show_train(result: dict[str, Any]) -> list[str]:
    lines = [f"saved {result['model']}: {result['parameters']:,} parameters"]
    lines += _score_lines(result)
    for name, scores in result.get("baselines", {}).items():
        lines.append(f"  {name:24s} accuracy {scores['accuracy']:.3f}  AUC {scores['auc']:.3f}")
    return lines


def _open(path: Path) -> Model:
    return load(path, find_domain(read_description(path)["domain"]))


def _policy(options: argparse.Namespace, model: Model) -> Policy:
    if options.gates is None:
        return model.policy
    policy = Policy.from_text(options.gates, repr(model.policy.decision_threshold))
    policy.check(model.traces["test"].tree.names, model.traces["test"].concept_names)
    return policy


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    model = _open(options.model)
    policy = _policy(options, model)
    from minspnet.study import report

    cases = load_cases(find_domain(model.domain_key), model.variant)
    trace = model.traces[options.part]
    part = cases.take(cases.rows_of(trace.case_ids))
    result = report(trace, part, model.scale, model.cost, policy, model.seed)
    return {"model": model.name, "part": options.part, "cases": len(part), **result}


def _show_evaluate(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['model']} on {result['cases']} {result['part']} cases"]
    lines += _score_lines(result)
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


def _sweep(options: argparse.Namespace) -> dict[str, Any]:
    from minspnet.sweep import Outcomes

    model = _open(options.model)
    cases = load_cases(find_domain(model.domain_key), model.variant)
    trace = model.traces[options.part]
    labels = cases.labels[cases.rows_of(trace.case_ids)]
    curve = Outcomes(trace, labels, model.cost).curve(options.points)
    points = [
        {
            "gate_threshold": point.gate_thresholds[0],
            "accuracy": point.accuracy,
            "auc": point.auc,
            "mean_macs": point.mean_macs,
            "mean_flops": 2 * point.mean_macs,
            "expert_shares": dict(zip(trace.tree.names, point.expert_shares, strict=True)),
        }
        for point in curve
    ]
    return {"model": model.name, "part": options.part, "cases": len(trace), "points": points}


def _show_sweep(result: dict[str, Any]) -> list[str]:
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


def _explain(options: argparse.Namespace) -> dict[str, Any]:
    from minspnet.attribution import attribute
    from minspnet.network import run
    from minspnet.trace import replay
    from minspnet.waterfall import typical_concepts, waterfall

    model = _open(options.model)
    domain = find_domain(model.domain_key)
    cases = load_cases(domain, model.variant)
    one = cases.take(cases.rows_of((options.case,)))
    network = load_network(model)
    trace = run(network, one.ids, one.inputs, domain.concept_names)
    decision = replay(trace, model.policy)
    typical = typical_concepts(model.traces["train"], model.policy)
    fall = waterfall(trace, model.policy, typical)
    found = attribute(network, one.inputs[0], decision.active[0], options.method)
    past_concepts = fall.by_output[len(domain.concepts) :]
    experts = zip(trace.tree.names, trace.gates[0], decision.active[0], fall.by_expert, strict=True)
    return {
        "model": model.name,
        "case": options.case,
        "part": next(
            (part for part, known in model.traces.items() if options.case in known.case_ids), "none"
        ),
        "predicted": domain.classes[int(decision.predicted[0])],
        "probabilities": dict(
            zip(domain.classes, map(float, decision.probabilities[0]), strict=True)
        ),
        "macs": float(model.cost.macs(decision.active)[0]),
        "concepts": {
            concept.name: {
                "value": float(value),
                "shown": concept.shown(float(value)),
                "unit": concept.unit,
                "adds_to_logit": float(added),
            }
            for concept, value, added in zip(
                domain.concepts, decision.concepts[0], fall.by_output, strict=False
            )
        },
        "residual": dict(
            zip(fall.outputs[len(domain.concepts) :], map(float, past_concepts), strict=True)
        ),
        "experts": {
            name: {"gate": float(gate), "ran": bool(ran), "adds_to_logit": float(added)}
            for name, gate, ran, added in experts
        },
        "start": fall.start,
        "logit": fall.logit,
        "attribution": {
            "method": found.method,
            "values": dict(zip(_input_names(domain, model), found.values.tolist(), strict=True))
            if found.values.ndim == 1
            else found.values.tolist(),
            "baseline_logit": found.baseline_logit,
            "convergence_delta": found.convergence_delta,
            "note": "explains the function this case was routed through; the gates are held",
        },
    }


def _input_names(domain: Any, model: Model) -> tuple[str, ...]:
    names: tuple[str, ...] = domain.variant(model.variant).inputs
    return names


def _patch_values(pixels: list[list[list[float]]]) -> dict[str, float]:
    """Name each square of a picture by where its pixels lie, counted from the top left."""
    sums = patch_sums(np.array(pixels).sum(axis=0))
    return {
        f"{PATCH} x {PATCH} pixels from row {PATCH * row}, column {PATCH * column}": float(value)
        for (row, column), value in np.ndenumerate(sums)
    }


def _percent(probability: float) -> str:
    return "> 99%" if probability > 0.99 else f"{probability:.0%}"


def _show_explain(result: dict[str, Any]) -> list[str]:
    probability = result["probabilities"][result["predicted"]]
    part = "a case it was trained on" if result["part"] == "train" else f"{result['part']} case"
    lines = [f"{result['case']}: {result['predicted']} ({_percent(probability)}), {part}"]
    lines.append(f"  {'a typical known case':64s} {result['start']:+8.3f}")
    for name, concept in result["concepts"].items():
        said = f"{name} {concept['shown']:.1f} {concept['unit']}"
        lines.append(f"  {said:64s} {concept['adds_to_logit']:+8.3f}")
    for name, added in result["residual"].items():
        lines.append(f"  {name + ' (past the concepts)':64s} {added:+8.3f}")
    lines.append(f"  {'logit':64s} {result['logit']:+8.3f}")
    lines.append("of which, by expert")
    for name, expert in result["experts"].items():
        ran = "ran" if expert["ran"] else "skipped"
        lines.append(
            f"  {name:20s} gate {expert['gate']:.2f} {ran:8s} {expert['adds_to_logit']:+.3f}"
        )
    values = result["attribution"]["values"]
    lines.append(f"  {result['attribution']['method']}: {result['attribution']['note']}")
    named = values if isinstance(values, dict) else _patch_values(values)
    top = sorted(named.items(), key=lambda item: -abs(item[1]))[:8]
    lines += [f"    {name:38s} {value:+8.3f}" for name, value in top]
    delta = result["attribution"]["convergence_delta"]
    if delta is not None:
        lines.append(f"    convergence delta {delta:+.4f}")
    return lines
