"""The verbs for ONNX Runtime: export a model, and time it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minspnet import printed
from minspnet.arguments import add_point, onnx_file, open_model, whole
from minspnet.artifact import export_network
from minspnet.behind import cases_of
from minspnet.errors import requirement

if TYPE_CHECKING:
    from minspnet.deploy.forest import Way

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verbs; of each: its parser, what it does, and how that is shown."""
    export = commands.add_parser("export", help="write a model as one file for ONNX Runtime")
    export.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    export.add_argument(
        "--out", type=onnx_file, required=True, metavar="FILE", help="file to write, .onnx"
    )
    export.add_argument(
        "--batches", action="store_true", help="for many cases at a time instead of one"
    )

    latency = commands.add_parser("latency", help="time a model on this machine, case by case")
    latency.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    latency.add_argument(
        "--rounds",
        type=whole("--rounds", 1, 100_000),
        default=200,
        metavar="N",
        help="runs of each set of experts",
    )
    for verb in (export, latency):
        add_point(verb)
    return [(export, _export, printed.show_export), (latency, _latency, printed.show_latency)]


def _export(options: argparse.Namespace) -> dict[str, Any]:
    model = open_model(options.model, options.point)
    way: Way = "batch" if options.batches else "case"
    content = export_network(model, model.domain, model.policy, way)
    try:
        options.out.write_bytes(content)
    except OSError as error:
        must = f"be a file that can be written ({error.strerror or error})"
        raise requirement("--out", must, options.out, "name another") from error
    return {
        "model": model.name,
        "file": str(options.out),
        "bytes": len(content),
        "cases_a_run": "any" if options.batches else 1,
        "policy": model.policy.to_text(),
    }


def _latency(options: argparse.Namespace) -> dict[str, Any]:
    from minspnet.deploy.session import Exported
    from minspnet.latency import measure
    from minspnet.trace import active_experts

    model = open_model(options.model, options.point)
    trace = model.traces["test"]
    cases = cases_of(model)
    case = cases.inputs[cases.rows_of(trace.case_ids[:1])]
    ways: tuple[Way, ...] = ("case", "always")
    gated, ungated = (
        Exported.open(export_network(model, model.domain, model.policy, way)) for way in ways
    )
    found = measure(gated, case, options.rounds, ungated)
    active = active_experts(trace, model.policy)
    mean, macs = float(found.of(active).mean()), float(model.cost.macs(active).mean())
    return {
        "model": model.name,
        **found.to_dict(),
        "base_milliseconds": found.base,
        "expert_milliseconds": dict(zip(found.experts, found.added, strict=True)),
        "all_on": {"milliseconds": found.all_on, "macs": model.cost.total},
        "operating_point": {"milliseconds": mean, "macs": macs, "cases": len(trace)},
    }
