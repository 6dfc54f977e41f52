"""The command line: every verb of the core, by name."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minspnet import describe, keeping, logs, newtask, printed, queuing, runtime, scoring
from minspnet.arguments import (
    EXIT_USER_ERROR,
    OneLineParser,
    add_coverage,
    add_point,
    history_file,
    new_folder,
    one_of,
    open_model,
    whole,
)
from minspnet.artifact import Model, load_network, save
from minspnet.behind import cases_of
from minspnet.budgets import BUDGETS, USUAL
from minspnet.compare import measure_one
from minspnet.data import PARTS, Cases, levels_given
from minspnet.domains import DOMAINS
from minspnet.errors import UserError
from minspnet.policy import Policy
from minspnet.presets import NAMES, Preset
from minspnet.spread import summarise
from minspnet.task import Task, find_task
from minspnet.trace import Trace, replay
from minspnet.training.history import save_history
from minspnet.workspace import Workspace

if TYPE_CHECKING:
    from minspnet.network import Network
    from minspnet.study import Study

EXIT_OK, EXIT_INTERRUPTED = 0, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 done, 1 a check that found something, 2 bad input, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        result = options.command(options)
    except UserError as error:
        print(f"minspnet: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        kept = getattr(options, "checkpoint", None)
        say = f"run the same command again to go on from {kept}" if kept else "nothing was saved"
        print(f"minspnet: interrupted; {say}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    try:
        print(json.dumps(result, indent=1) if options.json else "\n".join(options.show(result)))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left, as `head` does; python must not complain when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(options.exit_code(result))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m minspnet",
        description="Train, score and explain networks whose explanation is their computation.",
    )
    parser.set_defaults(exit_code=lambda _: EXIT_OK)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    domains = commands.add_parser("domains", help="list the tasks that ship with the product")
    _finish(domains, _domains, printed.show_domains)

    train = commands.add_parser("train", help="train a network on a task and save it as a folder")
    train.add_argument(
        "domain", metavar="DOMAIN", help=f"one of {', '.join(DOMAINS)}, or the key of saved data"
    )
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
        "--preset", default="default", metavar="NAME", help=f"one of {', '.join(NAMES)}"
    )
    train.add_argument(
        "--budget",
        type=one_of("--budget", BUDGETS),
        metavar="NAME",
        help=f"a recipe by its size, for any task, in place of a preset: {', '.join(BUDGETS)}; "
        f"{USUAL} for saved data",
    )
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
    train.add_argument(
        "--history",
        type=history_file,
        metavar="FILE",
        help="also write what each epoch said, as .csv or .parquet",
    )
    train.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="keep every epoch here; after an interruption, the same command goes on from there",
    )
    _finish(train, _train, printed.show_train)

    evaluate = commands.add_parser("evaluate", help="score a model on its test cases")
    evaluate.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    evaluate.add_argument(
        "--part", type=one_of("--part", PARTS[1:]), default="test", help="cases to score"
    )
    evaluate.add_argument("--gates", metavar="T,T,...", help="gate thresholds, or off, per expert")
    add_point(evaluate)
    _finish(evaluate, _evaluate, printed.show_evaluate)

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
    _finish(sweep, _sweep, printed.show_sweep)

    explain = commands.add_parser("explain", help="explain one case, from its inputs to its class")
    explain.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    explain.add_argument("--case", required=True, metavar="ID", help="a case of the model's domain")
    explain.add_argument(
        "--method", default="integrated_gradients", metavar="METHOD", help="attribution method"
    )
    add_coverage(explain)
    add_point(explain)
    _finish(explain, _explain, printed.show_explain)

    for module in (scoring, runtime, describe, newtask, keeping, queuing, logs):
        for verb, command, show in module.add_verbs(commands):
            _finish(verb, command, show)
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


def _train(options: argparse.Namespace) -> dict[str, Any]:
    task = find_task(options.domain, options.variant, Workspace.from_environment())
    recipe = task.recipe(options.preset, options.budget)
    if options.epochs:
        recipe = Preset(recipe.model, dataclasses.replace(recipe.training, epochs=options.epochs))
    with new_folder(options.out):
        history: list[dict[str, float]] = []
        first = _one_study(options, task, recipe, options.seed, history)
        runs = [first.metrics]
        for repeat in range(options.repeats):
            seed = options.seed + 1 + repeat
            runs.append(_one_study(options, task, recipe, seed, history).metrics)
        spread = {"runs": len(runs), "scores": summarise(runs)}
        metrics = {**first.metrics, "over_splits": spread}
        save(first, options.out, metrics, task.collection)
    if options.history is not None:
        save_history(history, options.history)
    return {"model": str(options.out), "policy": first.policy.to_text(), **metrics}


def _one_study(
    options: argparse.Namespace,
    task: Task,
    recipe: Preset,
    seed: int,
    history: list[dict[str, float]],
) -> "Study":
    """Train on the split of a seed, and add each epoch to the history."""
    from tqdm import tqdm

    from minspnet.study import DRIFT, conduct

    ships = task.collection is None and options.budget is None
    title = f"{task.domain.key} seed {seed}"
    # disable=None shows the bar on a terminal only, so that logs stay readable.
    with tqdm(total=recipe.training.epochs, desc=title, unit="epoch", disable=None) as bar:

        def advance(epoch: int, terms: dict[str, float]) -> None:
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
            history.append({"seed": seed, "epoch": epoch, **terms})

        kept = options.checkpoint / f"seed-{seed}" if options.checkpoint else None
        return conduct(
            *(task.domain, task.variant, recipe, task.cases, task.split(seed), seed),
            on_epoch=advance,
            checkpoint=kept,
            drift=None if ships else DRIFT,
        )


def _policy(options: argparse.Namespace, model: Model) -> Policy:
    if options.gates is None:
        return model.policy
    policy = Policy.from_text(options.gates, repr(model.policy.decision_threshold))
    policy.check(model.traces["test"].tree.names, model.traces["test"].concept_names)
    return policy


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    model = open_model(options.model, options.point)
    policy = _policy(options, model)
    from minspnet.study import report

    cases = cases_of(model)
    trace = model.traces[options.part]
    part = cases.take(cases.rows_of(trace.case_ids))
    result = report(trace, part, model.scale, model.cost, policy, model.seed)
    decided = replay(trace, policy)
    found = measure_one(decided.probabilities, decided.predicted, part.labels, part.groups)
    intervals = {name: [one.low, one.high] if one.bounded else None for name, one in found.items()}
    shown = {"model": model.name, "part": options.part, "cases": len(part), **result}
    return shown | {"interval_95": intervals}


def _sweep(options: argparse.Namespace) -> dict[str, Any]:
    from minspnet.sweep import Outcomes

    model = open_model(options.model)
    cases = cases_of(model)
    trace = model.traces[options.part]
    labels = cases.labels[cases.rows_of(trace.case_ids)]
    outcomes = Outcomes(trace, labels, model.cost)
    curve = outcomes.curve([*map(float, np.linspace(0, 1, options.points).round(6)), 1.01])
    points = [
        {
            "gate_threshold": point.gate_thresholds[0],
            "accuracy": point.accuracy,
            "auc": outcomes.auc(Policy(point.gate_thresholds)),
            "mean_macs": point.mean_macs,
            "mean_flops": 2 * point.mean_macs,
            "expert_shares": dict(zip(trace.tree.names, point.expert_shares, strict=True)),
        }
        for point in curve
    ]
    return {"model": model.name, "part": options.part, "cases": len(trace), "points": points}


def _explain(options: argparse.Namespace) -> dict[str, Any]:
    from minspnet.attribution import attribute
    from minspnet.caution import Caution, the_set
    from minspnet.receipt import why_skipped
    from minspnet.trace import replay
    from minspnet.waterfall import contrast, output_title, typical_concepts, waterfall

    model = open_model(options.model, options.point)
    domain, cases = model.domain, cases_of(model)
    one = cases.take(cases.rows_of((options.case,)))
    network = load_network(model)
    part, trace = _evidence_on(one, model, network)
    decision = replay(trace, model.policy)
    typical = typical_concepts(model.traces["train"], model.policy)
    told, against = contrast(decision)
    fall = waterfall(trace, model.policy, typical, told, against)
    known = cases.take(cases.rows_of(model.traces["train"].case_ids)).inputs
    found = attribute(
        network,
        one.inputs[0],
        decision.active[0],
        options.method,
        f"class:{told}:{against}",
        known=known,
    )
    columns = domain.variant(model.variant).inputs
    skipped = why_skipped(trace.tree, model.policy, decision.active[0])
    past_concepts = fall.by_output[len(domain.concepts) :]
    caution = Caution.of(model, model.policy.without_interventions(), options.coverage)
    inside = caution.members(decision.probabilities, one.ids)[0].tolist()
    given = levels_given(domain, columns, one.inputs[0]) if columns and one.inputs.ndim == 2 else {}
    return {
        "model": model.name,
        "case": options.case,
        "part": part,
        "predicted": domain.classes[int(decision.predicted[0])],
        "probabilities": dict(
            zip(domain.classes, map(float, decision.probabilities[0]), strict=True)
        ),
        "coverage": options.coverage,
        "set": [title for title, kept in zip(domain.classes, inside, strict=True) if kept],
        "set_sentence": the_set(domain, inside, options.coverage).replace("**", ""),
        "warnings": [
            sentence.replace("**", "") for sentence in caution.warnings(one.inputs, inside)
        ],
        "explained": domain.classes[told],
        "against": domain.classes[against],
        "macs": float(model.cost.macs(decision.active)[0]),
        "concepts": {
            concept.name: {
                "title": concept.title,
                "value": float(value),
                "shown": concept.shown(float(value)),
                "unit": concept.unit,
                "in_the_data": given.get(place),
                "adds_to_logit": float(added),
            }
            for place, (concept, value, added) in enumerate(
                zip(domain.concepts, decision.concepts[0], fall.by_output, strict=False)
            )
        },
        "residual": {
            name: {"title": output_title(domain, name), "adds_to_logit": float(added)}
            for name, added in zip(fall.outputs[len(domain.concepts) :], past_concepts, strict=True)
        },
        "experts": {
            name: {
                "gate": float(trace.gates[0, expert]),
                "ran": bool(decision.active[0, expert]),
                "skipped_because": skipped[expert],
                "adds_to_logit": float(fall.by_expert[expert]),
            }
            for expert, name in enumerate(trace.tree.names)
        },
        "start": fall.start,
        "base": float(fall.base.sum()),
        "logit": fall.logit,
        "temperature": trace.head.temperature,
        "attribution": {
            "method": found.method,
            # Pictures have no columns or channels with a name.
            "values": dict(zip(columns, found.values.tolist(), strict=True))
            if columns
            else found.values.tolist(),
            "baseline_logit": found.baseline_logit,
            "convergence_delta": found.convergence_delta,
            "note": "explains the function this case was routed through; the gates are held",
        },
    }


def _evidence_on(one: Cases, model: Model, network: "Network") -> tuple[str, Trace]:
    """The part a case belongs to and what was recorded of it; else what the network says now."""
    for part, known in model.traces.items():
        if one.ids[0] in known.case_ids:
            return part, known[known.case_ids.index(one.ids[0])]
    from minspnet.network import run

    names = model.domain.concept_names
    return "none", run(network, one.ids, one.inputs, names)
