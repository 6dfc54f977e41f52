"""The verb that scores and explains a file of new cases."""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minspnet.arguments import add_coverage, add_point, open_model
from minspnet.predict import Progress, predict

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]
_SHOWN = 10
"""Rejected rows that are printed; the file of rejects has all."""


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verb: its parser, what it does, and how that is shown."""
    verb = commands.add_parser("predict", help="score and explain a file of new cases")
    verb.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    verb.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="CSV or Parquet with a column for each input; a zip or folder of pictures; or a numpy "
        "file of pictures or signals",
    )
    verb.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="where results go, .parquet or .csv",
    )
    verb.add_argument(
        "--rejects",
        type=Path,
        metavar="FILE",
        help="also list the rows that cannot be read, with line, column, value and remedy, as .csv",
    )
    add_coverage(verb)
    verb.add_argument(
        "--plain",
        action="store_true",
        help="write CSV with commas and decimal points, whatever FILE has",
    )
    add_point(verb)
    return [(verb, _predict, _show)]


def _predict(options: argparse.Namespace) -> dict[str, Any]:
    from tqdm import tqdm

    model = open_model(options.model, options.point)
    begun = time.perf_counter()
    now = Progress()
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    # disable=None shows the bar on a terminal only, so that logs stay readable.
    with tqdm(total=1.0, desc=options.file.name, bar_format=form, disable=None) as bar:
        for now in predict(
            model,
            options.file,
            [options.out],
            options.rejects,
            coverage=options.coverage,
            plain=options.plain,
        ):
            bar.update(now.done - bar.n)
            bar.set_postfix(rows=f"{now.scored:,}", rejected=f"{now.rejected:,}")
    seconds = time.perf_counter() - begun
    return {
        "model": model.name,
        "file": str(options.file),
        "results": str(options.out),
        "rejects": None if options.rejects is None else str(options.rejects),
        "scored": now.scored,
        "rejected": now.rejected,
        "answers": dict(now.answers),
        "reasons": dict(now.reasons),
        "first_rejects": [asdict(one) for one in now.first_rejects[:_SHOWN]],
        "coverage": now.coverage,
        "not_one_answer": now.several if now.coverage is not None else None,
        "unusual": now.unusual,
        "filled": now.filled,
        "filled_in": dict(now.filled_in),
        "known": _agreement(now),
        "passed_over": list(now.passed_over),
        "lacking": dict(now.lacking),
        "mean_macs": now.macs / now.scored if now.scored else None,
        "macs_all_on": model.cost.total,
        "seconds": seconds,
        "policy": model.policy.to_text(),
    }


def _agreement(now: Progress) -> dict[str, Any] | None:
    """How decisions agree with the answers that a file holds; None if it has no such column."""
    if not now.with_labels:
        return None
    low, high = now.interval
    share = now.right / now.labelled if now.labelled else None
    return {
        "cases": now.labelled,
        "right": now.right,
        "accuracy": share,
        "strange": now.strange,
        "first_strange": [list(one) for one in now.first_strange],
        "interval_95": [low, high] if now.labelled else None,
    }


def _cautions(result: dict[str, Any]) -> list[str]:
    """What speaks against the answers, and how they agree with known ones."""
    lines = []
    if result["coverage"] is None:
        lines.append("too few validation cases to say which other answers are possible")
    elif result["not_one_answer"]:
        lines.append(
            f"{_cases(result['not_one_answer'])} without a single answer at "
            f"{result['coverage']:.0%} coverage: see the column set, in a CSV headed Possible at "
            f"{result['coverage']:.0%}"
        )
    if result["unusual"]:
        lines.append(
            f"{_cases(result['unusual'])} unlike the training cases: see the column unusual, in a "
            "CSV headed Unusual"
        )
    if result["filled"]:
        named = ", ".join(f"{title} ({many:,})" for title, many in result["filled_in"].items())
        lines.append(
            f"{_cases(result['filled'])} with the training cases' median put in where a number is "
            f"missing, which no training case lacked: {named}"
        )
    if result["lacking"]:
        named = ", ".join(f"{title} ({many:,})" for title, many in result["lacking"].items())
        lines.append(f"missing in the file: {named}")
    for name in result["passed_over"]:
        lines.append(f"column {name} holds neither text nor numbers: not read")
    if known := result["known"]:
        if known["cases"]:
            low, high = known["interval_95"]
            lines.append(
                f"{known['right']:,} of {known['cases']:,} known answers are met: accuracy "
                f"{known['accuracy']:.3f} (95%: {low:.3f} to {high:.3f}), which tells how good it "
                "is only if none of them was trained on"
            )
        else:
            lines.append("the column of answers holds none of this model's classes")
        if known["strange"] and known["cases"]:
            lines.append(
                f"{_cases(known['strange'])} with an answer in the file that is none of this "
                f"model's classes ({_odd(known['first_strange'])}): left out of that accuracy"
            )
    return lines


def _odd(first: list[list[Any]]) -> str:
    return ", ".join(f"{cell!r} in row {row}" for row, cell in first)


def _cases(many: int) -> str:
    return f"{many:,} case{'' if many == 1 else 's'}"


def _show(result: dict[str, Any]) -> list[str]:
    speed = result["scored"] / max(result["seconds"], 1e-9)
    lines = [
        f"saved {result['results']}: {result['scored']:,} cases in {result['seconds']:.1f} s "
        f"({speed:,.0f} a second)"
    ]
    lines += [f"  {title:38s} {count:>12,}" for title, count in result["answers"].items()]
    if result["mean_macs"] is not None:
        share = result["mean_macs"] / result["macs_all_on"]
        flops = f"{2 * result['mean_macs']:,.0f} FLOPs a case"
        lines.append(f"  {flops}, {share:.0%} of what all experts on would cost")
    lines += _cautions(result)
    if not result["rejected"]:
        return [*lines, "every row could be read"]
    rows = "1 row" if result["rejected"] == 1 else f"{result['rejected']:,} rows"
    lines.append(f"{rows} could not be read and left out:")
    lines += [f"  {count:>12,}  {reason}" for reason, count in result["reasons"].items()]
    for one in result["first_rejects"]:
        lines.append(f"  row {one['line']}, {one['column']}: {one['value']!r}")
    if result["rejects"]:
        lines.append(f"all of them are listed in {result['rejects']}")
    elif result["rejected"] > len(result["first_rejects"]):
        lines.append("--rejects FILE lists all of them")
    return lines
