"""Every field that can be typed into, given odd things: through the entry that its page calls."""

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.fuzz import seeds
from benchmarks.fuzz.mutations import in_plain, odd_value
from benchmarks.fuzz.uploads import Place, loaded
from benchmarks.fuzz.words import number, word
from dashboard import drafts
from dashboard.commas import read_list
from dashboard.widgets.devices import as_device
from dashboard.widgets.expert_table import described
from minspnet import cohort
from minspnet.cohort import Cohort
from minspnet.devices import DEVICES, check, fit, from_text, to_text
from minspnet.judgement import Judgement
from minspnet.operating import Figures, OperatingPoint
from minspnet.policy import Policy
from minspnet.presets import Preset
from minspnet.queue.preview import preview
from minspnet.recipe import TrainSpec
from minspnet.record.checks import now
from minspnet.record.queues import ReviewQueue
from minspnet.record.reviews import Review
from minspnet.record.store import Store
from minspnet.registry import delete, rename, restore
from minspnet.spec import ExpertSpec, ModelSpec
from minspnet.trace import replay

Give = Callable[[random.Random, Place], object]
_POINT = {
    "name": "Cheaper",
    "author": "B. Example",
    "reason": "as good",
    "saved_at": "2026-01-02T03:04:05+00:00",
    "model": "0" * 64,
    "gates": "0.1,0.2",
    "cut": "0.5",
    "validation": Figures(9, 0.9, 0.9, 100.0).to_dict(),
    "test": Figures(9, 0.9, 0.9, 100.0).to_dict(),
}
_REVIEW = {
    "id": "0" * 32,
    "reader": "A. Example",
    "case_id": "case 1",
    "domain": "phishing",
    "model": "0" * 64,
    "trace": "0" * 64,
    "gates": "0.1,0.2",
    "cut": "0.5",
    "predicted": "no",
    "probability": 0.9,
    "verdict": "agree",
    "opinion": "no",
    "started_at": "2026-01-02T03:04:05+00:00",
    "shown_at": "2026-01-02T03:04:06+00:00",
    "decided_at": "2026-01-02T03:05:05+00:00",
    "seconds": 60.0,
    "concepts": [{"concept": "size", "value": 0.5}],
    "text": "clear",
}


@cache
def _store(folder: Path) -> Store:
    return Store(f"sqlite:///{folder / 'minspnet.sqlite'}")


def _changed(
    plain: dict[str, Any], chance: random.Random, place: Place, cells: bool = False
) -> dict[str, Any]:
    """One to three fields otherwise; cells of a table keep their kind, or are left empty."""
    after = dict(plain)
    for _ in range(chance.choice((1, 1, 2, 3))):
        name = chance.choice(list(after))
        value = plain[name]
        if chance.random() < 0.15:
            after[name] = None if cells else odd_value(chance, place.outside)
        elif isinstance(value, str) or (cells and value is None):
            after[name] = word(chance, place.outside)
        elif isinstance(value, bool):
            after[name] = chance.random() < 0.5
        elif isinstance(value, int):
            after[name] = chance.choice((0, 1, -1, 7, 2**31, 2**53, 10**18, chance.randrange(99)))
        elif isinstance(value, float):
            after[name] = number(chance)
        else:
            after[name] = in_plain(json.loads(json.dumps(value)), chance, place.outside)
    return after


def _verdict(chance: random.Random, place: Place) -> None:
    store = _store(place.workspace.root)
    if chance.random() < 0.5:
        said = Judgement.begin().to_dict()
        judged = Judgement.from_dict(_changed(said, chance, place))
        reader = word(chance, place.outside) if chance.random() < 0.3 else "A. Example"
        store.drafts.save(reader, "0" * 64, "case 1", judged.to_dict())
        assert Judgement.from_dict(store.drafts.load(reader, "0" * 64, "case 1")) == judged
        return
    plain = _REVIEW | {"id": f"{chance.getrandbits(128):032x}"}
    review = Review.from_dict(_changed(plain, chance, place))
    store.reviews.append(review)
    assert review in store.reviews.find(model=review.model, case=review.case_id, most=10_000)


def _queue(chance: random.Random, place: Place) -> None:
    names = [word(chance, place.outside) if chance.random() < 0.5 else "Mine" for _ in range(2)]
    cases = tuple(word(chance, place.outside) for _ in range(chance.randrange(4)))
    queue = ReviewQueue(names[0], names[1], "0" * 64, cases, "A. Example", now())
    _store(place.workspace.root).queues.assign(queue)
    kept = {one.name for one in _store(place.workspace.root).queues.of(queue.reader)}
    assert (queue.name in kept) == bool(cases)


def _title(chance: random.Random, place: Place) -> None:
    name = seeds.OWN if chance.random() < 0.7 else word(chance, place.outside)
    rename(place.workspace, name, word(chance, place.outside))
    if chance.random() < 0.3:
        delete(place.workspace, name)
        restore(place.workspace, name)


def _point(chance: random.Random, place: Place) -> None:
    point = OperatingPoint.from_dict(_changed(_POINT, chance, place))
    store = _store(place.workspace.root)
    store.save_operating_point(point)
    assert store.operating_point(point.model) == point


def _devices(chance: random.Random, place: Place) -> None:
    rows = [_changed(one.to_dict(), chance, place, cells=True) for one in DEVICES]
    rows = rows[: chance.randrange(5)] + [dict.fromkeys(rows[0])] * (chance.random() < 0.1)
    kept = check([as_device(row) for row in rows])
    assert from_text(to_text(kept)) == kept
    for device in kept:
        f"{fit(device, 1e6, 2e6, 10**6, 10**5)} {device.assumption}"


@cache
def _usual(place: Place) -> tuple[Preset, ...]:
    found = []
    for name in (seeds.TABULAR, seeds.PICTURES, seeds.SIGNAL, seeds.OWN):
        model, _ = loaded(name, place.workspace)
        found.append(Preset(model.spec, model.training))
    return tuple(found)


def _settings(chance: random.Random, place: Place) -> None:
    usual = chance.choice(_usual(place))
    model, training = usual.model.to_dict(), usual.training.to_dict()
    if chance.random() < 0.4:
        training = _changed(training, chance, place)
    elif chance.random() < 0.4:
        model = _changed(model, chance, place)
    else:
        model["stem"] = _changed(model["stem"], chance, place)
    if chance.random() < 0.6 and isinstance(model["experts"], list):
        rows = [_row(one, chance, place) for one in usual.model.experts]
        names = tuple(f"finding {k}" for k in range(usual.model.concepts))
        model["experts"] = [described(k, row, names) for k, row in enumerate(rows, 1)]
    preset = Preset(ModelSpec.from_dict(model), TrainSpec.from_dict(training))
    found = preview(preset)
    f"{found.parameters:,} {found.cost.total:,} {preset.training.epochs:,}"


def _row(expert: ExpertSpec, chance: random.Random, place: Place) -> dict[str, Any]:
    row = dict(vars(expert)) | {"concepts": "", "reads": ""}
    return _changed(row, chance, place, cells=True) if chance.random() < 0.5 else row


def _lists(chance: random.Random, place: Place) -> None:
    text = ",".join(word(chance, place.outside) for _ in range(chance.randrange(4)))
    read_list(text, chance.choice((int, str)), ("a", "b"))


def _card_form(chance: random.Random, place: Place) -> None:
    name, content = chance.choice(sorted(seeds.read(place.seeds, "tables").items()))
    told = _begun(name, content)
    for _ in range(chance.choice((1, 2))):
        told = _typed(told, chance, place)
    drafts.card_of(told)
    if chance.random() < 0.2:
        place.workspace.save(drafts.collection_of(told))


@cache
def _begun(name: str, content: bytes) -> drafts.Draft:
    return drafts.begin(name, content)


def _typed(told: drafts.Draft, chance: random.Random, place: Place) -> drafts.Draft:
    from dataclasses import replace

    from dashboard.card_form import words_of

    kind = chance.randrange(5)
    if kind == 0:
        words = words_of(told)
        return drafts.write_words(told, _texts(words, chance, place))
    if kind == 1:
        columns = [column.name for column in told.profile.columns]
        return drafts.aim(told, chance.choice(columns), chance.choice(["", *columns]))
    field = ("features", "classes", "concepts")[kind - 2]
    rows = [dict(row) for row in getattr(told, field)]
    if rows and chance.random() < 0.2:
        rows = chance.choice(([], rows * 2, rows[:1], [*rows, dict.fromkeys(rows[0])]))
    if rows and field != "features":
        at = chance.randrange(len(rows))
        rows[at] = _cells(rows[at], chance, place)
    if field == "features":
        rows = [row | {"use": chance.random() < 0.5} for row in getattr(told, field)]
        rows[0] |= {"title": word(chance, place.outside), "unit": word(chance, place.outside)}
        return drafts.tick(told, rows)
    return replace(told, **{field: tuple(rows)})


def _texts(words: dict[str, str], chance: random.Random, place: Place) -> dict[str, str]:
    return {
        n: word(chance, place.outside) if chance.random() < 0.3 else t for n, t in words.items()
    }


def _cells(row: dict[str, Any], chance: random.Random, place: Place) -> dict[str, Any]:
    """What an editor can hold in a cell: text, a number, a tick, a choice of columns, nothing."""
    name = chance.choice(list(row))
    value = row[name]
    if isinstance(value, tuple):
        cell: Any = tuple(word(chance, place.outside) for _ in range(chance.randrange(3)))
    elif name in ("low", "high", "shown_low", "shown_high"):
        cell = chance.choice((None, number(chance)))
    elif isinstance(value, bool):
        cell = chance.choice((None, not value))
    else:
        cell = chance.choice((None, word(chance, place.outside)))
    return row | {name: cell}


def _link(chance: random.Random, place: Place) -> None:
    model, _ = loaded(chance.choice((seeds.TABULAR, seeds.PICTURES)), place.workspace)
    trace = model.traces["test"]
    known = cohort.vocabulary(trace, ["test"] * len(trace), model.domain.classes, trace.case_ids)
    text = link_value(chance, place, ["chance:0.2..0.8;part:test", "said:benign", "share:..0.5"])
    if chance.random() < 0.4:
        kept = Cohort.from_text(text, known)
        assert Cohort.from_text(kept.to_text(), known) == kept
        return
    asked = model.policy.to_text()
    concept = trace.concept_names[0]
    asked[chance.choice(("gates", "cut", "edit"))] = link_value(
        chance, place, ["0.1,off,1e-9", "0.3", f"{concept}:0.5", f"{concept}:2"]
    )
    policy = Policy.from_text(**asked)
    policy.check(trace.tree.names, trace.concept_names)
    assert Policy.from_text(**policy.to_text()) == policy
    replay(trace, policy)


def link_value(chance: random.Random, place: Place, sound: list[str]) -> str:
    """A value of a link: a sound one, one with odd parts, or an odd one."""
    text = chance.choice(sound)
    if chance.random() < 0.6 and text:
        marks = [k for k, one in enumerate(text) if one in ",:;."] or [0]
        at = chance.choice(marks)
        return text[:at] + chance.choice((word(chance, place.outside), text, "")) + text[at:]
    return word(chance, place.outside) if chance.random() < 0.7 else text


FORMS: dict[str, Give] = {
    "Case: verdict, draft": _verdict,
    "Cases: queue": _queue,
    "Models: title": _title,
    "Routing: saving a point": _point,
    "Routing: devices": _devices,
    "Train: settings": _settings,
    "Train: lists": _lists,
    "Data: card form": _card_form,
    "Link: policy, filter": _link,
}
"""By page and form."""
