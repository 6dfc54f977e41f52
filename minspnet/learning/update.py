"""From a reviewed set to a new model beside the old one, with an account of what it changed."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from minspnet.access import Action, Actor
from minspnet.artifact import Model, load_network, save
from minspnet.behind import cases_of
from minspnet.collection import load_collection
from minspnet.data import PARTS, UNLABELLED, Cases
from minspnet.errors import UserError
from minspnet.learned import (
    METRIC,
    Account,
    AdapterSpec,
    ConceptShift,
    ReasonShift,
    account_of,
)
from minspnet.learning.adapter import Taught, readings
from minspnet.learning.lessons import check_enough, lessons, parts_after
from minspnet.learning.trial import (
    UNDISPUTED,
    Ground,
    Teacher,
    compute,
    held_out,
    scores,
    undisputed_shifts,
)
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.presets import Preset
from minspnet.record.sets import SavedSet
from minspnet.registry import LONGEST_TITLE, free_title, rename, title_of
from minspnet.study import Study, calibrate, report
from minspnet.trace import replay
from minspnet.workspace import Workspace

if TYPE_CHECKING:
    from minspnet.network import Network

Step = Callable[[str], None]


def learn(
    actor: Actor,
    model: Model,
    policy: Policy,
    kept: SavedSet,
    workspace: Workspace,
    spec: AdapterSpec | None = None,
    on_step: Step | None = None,
) -> str:
    """Fit an update of a model on a reviewed set and put it on the shelf, not in force.

    Gate and decision thresholds stay; evidence is recorded anew, and the temperature is fitted anew
    on the validation cases left, but never below what it was. Reviewed cases, and all cases of
    their groups, become training cases of the new model, so that nothing it is scored on was
    learned from.

    Args:
        actor: Who asks for it.
        model: That is to learn.
        policy: In force for it.
        kept: What it is to learn.
        workspace: Where the new model goes.
        spec: What may change; by default biases alone.
        on_step: Told what is under way.

    Returns:
        Name of the new model.

    Raises:
        NotAllowedError: If their role may not have models learn.
        UserError: If there is too little to learn, or too few cases would be left to score it.
    """
    actor.must_be_allowed(Action.TRAIN_MODEL)
    spec = spec or AdapterSpec()
    study = updated(model, policy, kept, actor.name, spec, on_step or (lambda said: None))
    folder = workspace.new_model(f"{model.name}-v{kept.version}"[:60])
    collection = load_collection(model.folder) if model.data else None
    try:
        save(study, folder, collection=collection, parent=model.digest)
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # where nothing is in it
        raise
    with suppress(UserError):  # a title that cannot be shown is no reason to fail
        title = f"{_title(model)[: LONGEST_TITLE - 22]}, reviewed v{kept.version}"
        rename(workspace, folder.name, free_title(workspace, title, folder.name))
    return folder.name


def _labelled(part: Cases) -> Cases:
    return part.take(np.flatnonzero(part.labels != UNLABELLED))


def _title(model: Model) -> str:
    said = title_of(model.folder)
    return model.domain.variant(model.variant).title if said == model.name else said


def updated(
    model: Model, policy: Policy, kept: SavedSet, by: str, spec: AdapterSpec, on_step: Step
) -> Study:
    """The update as a study: network, evidence, scores and account; nothing is written.

    Args:
        model: That is to learn.
        policy: In force for it.
        kept: What it is to learn.
        by: Who asked for it.
        spec: What may change.
        on_step: Told what is under way.

    Raises:
        UserError: If there is too little to learn, or too few cases would be left to score it.
    """
    cases = cases_of(model)
    given = lessons(kept.content, model.domain, cases)
    parts = parts_after(model, cases, given)
    policy = policy.without_interventions()
    network = load_network(model)
    ground = Ground(
        network,
        policy,
        model.training,
        model.scale,
        model.domain.concept_names,
        cases.take(cases.rows_of(model.traces["train"].case_ids)),
        _labelled(parts["validation"]),
        _labelled(parts["test"]),
    )
    said = run(network, given.ids, given.inputs, ground.concepts)
    differing = given.differing(replay(said, policy).predicted)
    check_enough(given, differing)
    on_step("Fitting")
    taught = Taught(readings(network, given.inputs), given)
    teacher = Teacher(ground, spec)
    new, weight = teacher.choose(taught)
    fitted = teacher.fitted
    calibrate(new, parts["validation"], model.domain)
    # Readers may have been given what was wrong: what is left must not make chances surer.
    new.head.temperature.clamp_(min=float(network.head.temperature))
    on_step("Asking about reviewed cases held out of the fit")
    findings, answers = held_out(teacher, taught)
    on_step("Measuring how far updates that nobody disputes move reasons")
    shift = teacher.reasons(network).shift(teacher.reasons(new))
    undisputed = undisputed_shifts(teacher, given, weight, UNDISPUTED)
    on_step("Scoring it")
    moved = shift.by_part.mean(axis=0)
    corrected = dict(zip(ground.concepts, given.corrected.sum(axis=0).tolist(), strict=True))
    reasons = ReasonShift(
        mean=float(shift.distance.mean()),
        leading=int(shift.leading.sum()),
        cases=len(ground.test),
        undisputed=undisputed,
        concepts=tuple(
            ConceptShift(shift.parts[k], float(moved[k]), corrected.get(shift.parts[k], 0))
            for k in np.argsort(-moved, kind="stable")
        ),
    )
    accuracy, log_loss, concept_error = scores(ground, new)
    test_cases, test_right = _before_reviews(model, cases, policy)
    earlier = account_of(model.metrics)
    moved = {part: len(model.traces[part]) - len(parts[part]) for part in PARTS[1:]}
    account = Account(
        version=kept.version,
        content=kept.content.digest,
        task=kept.content.task,
        by=by,
        adapter=spec,
        fitted=fitted,
        replay_weight=weight,
        replayed=len(teacher.sample),
        reviewed=len(given),
        readers=len(kept.content.readers),
        findings=int(given.corrected.sum()),
        answers=int(differing.sum()),
        moved_validation=moved["validation"] + (earlier.moved_validation if earlier else 0),
        moved_test=moved["test"] + (earlier.moved_test if earlier else 0),
        held_findings=findings,
        held_answers=answers,
        accuracy=accuracy,
        log_loss=log_loss,
        concept_error=concept_error,
        reasons=reasons,
        compute=compute(ground, new, model.cost),
        test_cases=test_cases,
        test_right=test_right,
    )
    return _study(model, new, policy, parts, account)


def _before_reviews(model: Model, cases: Cases, policy: Policy) -> tuple[int, int]:
    """Labelled test cases before anything was learned from reviews, and how many were right."""
    earlier = account_of(model.metrics)
    if earlier and earlier.test_cases is not None and earlier.test_right is not None:
        return earlier.test_cases, earlier.test_right
    trace = model.traces["test"]
    labels = cases.labels[cases.rows_of(trace.case_ids)]
    right = replay(trace, policy).predicted == labels
    return int((labels != UNLABELLED).sum()), int(right.sum())


def _study(
    model: Model, network: "Network", policy: Policy, parts: dict[str, Cases], account: Account
) -> Study:
    domain, names = model.domain, model.domain.concept_names
    traces = {name: run(network, part.ids, part.inputs, names) for name, part in parts.items()}
    metrics = report(traces["test"], parts["test"], model.scale, model.cost, policy, model.seed)
    metrics["parameters"] = network.parameters_count
    metrics["cases"] = {name: len(part) for name, part in parts.items()}
    # The usual models were scored on other test cases; Compare fits them where it is asked to.
    metrics["baselines"] = {}
    metrics[METRIC] = account.to_dict()
    return Study(
        domain,
        domain.variant(model.variant),
        Preset(model.spec, model.training),
        model.seed,
        network,
        model.scale,
        model.cost,
        policy,
        traces,
        metrics,
    )
