"""The Train page: from saved data to a model that opens, and everything between."""

import json
import typing
from dataclasses import replace
from pathlib import Path

import pytest
from own_data import loans
from streamlit.testing.v1 import AppTest
from test_app import TABULAR, figure, metric, open_app, own_store

from dashboard import cache_train
from dashboard.commas import read_list
from dashboard.docstrings import said_of_fields
from dashboard.figures.progress import draw_answers, draw_losses, loss_terms
from dashboard.format import duration
from dashboard.widgets import settings
from dashboard.widgets.card_file import SAVED
from dashboard.widgets.expert_table import described
from minspnet import doors
from minspnet.budgets import BUDGETS, budget_preset
from minspnet.collection import Collection
from minspnet.errors import UserError
from minspnet.queue.job import STATE, Job, State
from minspnet.queue.preview import preview
from minspnet.queue.progress import ProgressFile
from minspnet.queue.queue import STOP, Queue
from minspnet.queue.worker import work
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.strict import Recipe
from minspnet.workspace import Workspace

__all__ = ["own_store"]
MARKUP = "[x](http://evil.example) <b>"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace of its own, in which no process is started."""
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(doors, "start", started.append)
    started.clear()
    return Workspace(tmp_path / "home")


started: list[Workspace] = []


@pytest.fixture
def saved(workspace: Workspace) -> Collection:
    collection = loans()
    workspace.save(collection)
    return collection


def open_train() -> AppTest:
    app = open_app("train", model=TABULAR)
    assert not app.exception
    return app


def queue(workspace: Workspace) -> Queue:
    return Queue(workspace.jobs)


def job(collection: Collection, **changes: object) -> Job:
    domain = collection.card.domain()
    variant = domain.variants[0]
    recipe = budget_preset(domain, variant, collection.cases, "tiny")
    made = Job(
        *("loans", collection.digest, variant.name, recipe.model, recipe.training, 0),
        *("Loans, tiny", "2026-01-01T10:00:00+00:00"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def field(app: AppTest, ending: str, kind: str = "number_input") -> typing.Any:
    return next(one for one in app.get(kind) if one.key and one.key.endswith(ending))


# --- What to train ----------------------------------------------------------------------


def test_without_data_the_page_says_what_comes_first(workspace: Workspace) -> None:
    app = open_train()
    assert app.title[0].value == "Train a network on your data"
    assert [one.value for one in app.subheader] == ["First, bring your data"]
    assert not [one for one in app.button if one.key == "train-start"]


@pytest.mark.parametrize("budget", BUDGETS)
def test_each_size_is_counted_before_training_and_queued_as_shown(
    budget: str, workspace: Workspace, saved: Collection
) -> None:
    app = open_train()
    app.segmented_control(key="train-budget").set_value(budget).run()
    domain = saved.card.domain()
    recipe = budget_preset(domain, domain.variants[0], saved.cases, budget)
    found = preview(recipe)
    assert metric(app, "Parameters") == f"{found.parameters:,}"
    assert metric(app, "Epochs") == f"{recipe.training.epochs:,}"
    app.button(key="train-start").click().run()
    assert not app.exception and not app.error
    (entry,), _ = queue(workspace).entries()
    assert (entry.job.model, entry.job.training) == (recipe.model, recipe.training)
    assert (entry.job.title, entry.job.digest) == (f"Loans, {budget}", saved.digest)
    assert entry.state.status == "waiting"
    assert [one.root for one in started] == [workspace.root]
    app.button(key="train-start").click().run()
    titles = [one.job.title for one in queue(workspace).entries()[0]]
    assert sorted(titles) == [f"Loans, {budget}", f"Loans, {budget} (2)"]


def test_a_training_that_cannot_be_queued_says_so(
    workspace: Workspace, saved: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_train()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doors, "start", full)
    app.button(key="train-start").click().run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("It could not be started, see the list of trainings: OSError")
    assert [entry.state.status for entry in queue(workspace).entries()[0]] == ["waiting"]


def test_settings_reach_the_job_and_nothing_else_changes(
    workspace: Workspace, saved: Collection
) -> None:
    app = open_train()
    before = metric(app, "Parameters")
    field(app, "training-epochs").set_value(7)
    field(app, "training-schedule", "selectbox").set_value("step")
    field(app, "network-binary", "checkbox").set_value(True)
    field(app, "stem-width").set_value(12)
    app.number_input(key="train-seed").set_value(5).run()
    assert not app.error
    assert metric(app, "Parameters") != before
    app.button(key="train-start").click().run()
    (entry,), _ = queue(workspace).entries()
    usual = budget_preset(
        saved.card.domain(), saved.card.domain().variants[0], saved.cases, "small"
    )
    expected = replace(usual.training, epochs=7, schedule="step")
    assert entry.job.training == expected and entry.job.seed == 5
    stem = replace(usual.model.stem, width=12)
    assert entry.job.model == replace(usual.model, binary=True, stem=stem)


@pytest.mark.parametrize(
    ("ending", "kind", "value", "said"),
    [
        ("training-epochs", "number_input", 0, "epochs must be more than 0, got 0; correct it."),
        ("training-dropout", "number_input", 2.0, "dropout must lie between 0 and 0.99"),
        ("training-flip", "checkbox", True, "flip must be off for inputs of kind tabular"),
        ("stem-reads", "text_input", "0, x", "ModelSpec.stem.reads[1] must be of type int"),
        ("network-prototypes", "number_input", 3, "prototypes must be 1 or more for a head that"),
    ],
)
def test_a_bad_value_gets_the_recipes_own_sentence(
    ending: str, kind: str, value: object, said: str, workspace: Workspace, saved: Collection
) -> None:
    """All else stays as it was filled in, and goes on once the value is right."""
    app = open_train()
    field(app, "training-batch_size").set_value(32)
    was = field(app, ending, kind).value
    field(app, ending, kind).set_value(value).run()
    plain = [one.value.replace("\\", "") for one in app.error]
    assert any(one.startswith(said) for one in plain), plain
    assert app.button(key="train-start").disabled
    assert field(app, "training-batch_size").value == 32
    field(app, ending, kind).set_value(was).run()
    assert not app.error and not app.button(key="train-start").disabled
    assert field(app, "training-batch_size").value == 32


def test_data_whose_card_is_spoiled_are_said_and_left_out(
    workspace: Workspace, saved: Collection
) -> None:
    workspace.save(loans(key="others"))
    (workspace.data / "others" / "card.toml").write_text("key = 3")
    app = open_train()
    assert [one.value.replace("\\", "") for one in app.warning] == [
        "Card.key must be of type str, got 3; correct it. The data others are left out."
    ]
    assert app.selectbox(key="train-data").options == ["Loans"]


def test_a_spoiled_table_is_said(workspace: Workspace, saved: Collection) -> None:
    (workspace.data / "loans" / "cases.safetensors").write_bytes(b"x")
    app = open_train()
    assert "cannot be read" in app.error[0].value
    assert not [one for one in app.button if one.key == "train-start"]


def test_data_of_the_same_title_are_told_apart(workspace: Workspace, saved: Collection) -> None:
    workspace.save(loans(key="others", seed=1))
    app = open_train()
    assert app.selectbox(key="train-data").options == ["Loans (loans)", "Loans (others)"]


def test_what_was_just_saved_is_what_is_trained(workspace: Workspace, saved: Collection) -> None:
    workspace.save(loans(key="others", seed=1))
    app = open_app("data", model=TABULAR)
    app.session_state[SAVED] = "others"
    app.switch_page("../pages/train.py").run()
    assert app.selectbox(key="train-data").value == "others"
    app.selectbox(key="train-data").set_value("loans").run()
    assert app.selectbox(key="train-data").value == "loans"


# --- The form follows the recipes -------------------------------------------------------


def test_every_field_of_every_recipe_stands_in_the_form_once() -> None:
    training = [name for rows in settings.TRAINING.values() for row in rows for name in row]
    network = [name for row in settings.NETWORK for name in row]
    stem = [name for row in settings.STEM for name in row]
    for kind, shown in (
        (TrainSpec, training),
        (ModelSpec, [*network, *settings.GIVEN[ModelSpec]]),
        (StemSpec, [*stem, *settings.GIVEN[StemSpec]]),
    ):
        assert sorted(shown) == sorted(typing.get_type_hints(kind))


@pytest.mark.parametrize("kind", [TrainSpec, ModelSpec, StemSpec, ExpertSpec])
def test_every_field_has_its_sentence(kind: type[Recipe]) -> None:
    said = said_of_fields(kind)
    assert sorted(said) == sorted(typing.get_type_hints(kind))
    assert all(
        text.endswith(".") and "``" not in text and "\n" not in text for text in said.values()
    )


def test_a_docstring_without_fields_says_nothing() -> None:
    assert said_of_fields(int) == {}
    assert said_of_fields(TrainSpec)["dropout"] == (
        "Share of a block's features left out in training."
    )


def test_lists_are_read_as_typed() -> None:
    assert read_list(" 1, 2 ,x,, -3", int) == [1, 2, "x", -3]
    assert read_list("9" * 5_000, int) == ["9" * 5_000]  # Python refuses to read it
    assert read_list("stem, third look", str) == ["stem", "third look"]
    assert read_list("burden, 0, means", int, ("means", "burden")) == [1, 0, 0]
    assert read_list("", int) == []


ROW = {"name": "look", "block": "dense", "width": 8.0, "concepts": "burden", "fuse": None}


def test_a_row_of_the_table_is_an_expert() -> None:
    row = ROW | {"gate": "learned", "parent": "", "winners": float("nan"), "reads": "0, 2"}
    found = ExpertSpec.from_dict(described(1, row, ("means", "burden")))
    assert found == ExpertSpec("look", "dense", 8, gate="learned", concepts=(1,), reads=(0, 2))


@pytest.mark.parametrize("lacking", ["name", "block", "width"])
def test_a_row_that_lacks_something_is_said(lacking: str) -> None:
    with pytest.raises(UserError) as refused:
        described(3, ROW | {lacking: None}, ("means", "burden"))
    assert str(refused.value) == (
        f"expert 3 must have a name, a block and a width, got no {lacking}; "
        "fill it in, or delete the row."
    )


def test_an_unknown_finding_is_said() -> None:
    with pytest.raises(UserError, match=r"concepts\[0\] must be of type int, got 'debts'"):
        ExpertSpec.from_dict(described(1, ROW | {"concepts": "debts"}, ("means", "burden")))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"), (5400, "1.5 h")],
)
def test_a_time_is_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# --- The queue --------------------------------------------------------------------------


def words(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.error, *app.warning)
    return "\n".join(one.value.replace("\\", "") for one in shown)


def with_epochs(folder: Path, count: int) -> None:
    file = ProgressFile(folder)
    for epoch in range(count):
        said = {"concept": 0.5 - epoch / 50, "class": 0.7 - epoch / 50, "open_share": 0.5}
        watched = {"validation_loss": 1.3 - epoch / 50, "validation_accuracy": 0.8}
        file.add(epoch, 2.0, said | {"learning_rate": 0.01} | watched)


def test_a_running_job_shows_how_far_it_is_and_stops_when_asked(
    workspace: Workspace, saved: Collection
) -> None:
    jobs = queue(workspace)
    job_id = jobs.add(job(saved))
    with jobs.taken_over():
        jobs.take()
        app = open_train()
        assert "Epoch 1 of" in words(app)
        with_epochs(jobs.folder / job_id, 5)
        app.run()
        epochs = job(saved).training.epochs
        assert f"Epoch 6 of {epochs}" in words(app)
        assert metric(app, "Validation cases right") == "80.0%"
        assert metric(app, "Experts open") == "50%"
        assert metric(app, "Loss: class") == "0.620"
        curves = {trace["name"]: trace["y"] for trace in figure(app)["data"]}
        assert {"training", "validation", "class term", "concept term"} == {*curves}
        assert all(chart.proto.alt for chart in app.get("plotly_chart"))
        app.button(key=f"train-stop-{job_id}").click().run()
        assert (jobs.folder / job_id / STOP).exists()
        assert app.button(key=f"train-stop-{job_id}").disabled
    app.run()
    assert "resume goes on from there" in words(app)
    assert not (jobs.folder / job_id / STOP).exists() or jobs.entry(job_id).state.status != "done"


def test_what_ended_early_is_resumed_or_removed(workspace: Workspace, saved: Collection) -> None:
    jobs = queue(workspace)
    first, second = jobs.add(job(saved)), jobs.add(job(saved))
    jobs.stop(first)
    jobs.stop(second)
    with_epochs(jobs.folder / first, 3)
    app = open_train()
    assert "3 of" in words(app) and not started
    app.button(key=f"train-resume-{first}").click().run()
    assert jobs.entry(first).state.status == "waiting" and len(started) == 1
    app.button(key=f"train-remove-{second}").click().run()
    assert [entry.id for entry in jobs.entries()[0]] == [first]


def test_waiting_jobs_change_places_on_the_page(workspace: Workspace, saved: Collection) -> None:
    jobs = queue(workspace)
    first, second = jobs.add(job(saved)), jobs.add(job(saved))
    app = open_train()
    assert "1 of 2 in the queue" in words(app)
    assert app.button(key=f"train-up-{first}").disabled
    app.button(key=f"train-up-{second}").click().run()
    assert [entry.id for entry in jobs.entries()[0]] == [second, first]
    app.button(key="train-go-on").click().run()
    assert len(started) == 1


def test_a_failed_job_says_why_without_markup(workspace: Workspace, saved: Collection) -> None:
    jobs = queue(workspace)
    job_id = jobs.add(job(saved, title=MARKUP))
    State("failed", error=f"training loss must stay finite, got {MARKUP}; lower it.").write(
        jobs.folder / job_id
    )
    app = open_train()
    said = " ".join(one.value for one in (*app.markdown, *app.error))
    assert "loss must stay finite" in said.replace("\\", "")
    assert "[x](http" not in said and r"\<b\>" in said


def test_a_spoiled_job_can_be_removed_from_the_page(
    workspace: Workspace, saved: Collection
) -> None:
    jobs = queue(workspace)
    job_id = jobs.add(job(saved))
    (jobs.folder / job_id / STATE).write_text(json.dumps({"status": "lost"}))
    app = open_train()
    assert "State.status must be one of" in words(app)
    app.button(key=f"train-remove-{job_id}").click().run()
    assert jobs.entries() == ([], {})


def test_a_job_that_is_gone_meanwhile_is_said(workspace: Workspace, saved: Collection) -> None:
    jobs = queue(workspace)
    job_id = jobs.add(job(saved))
    app = open_train()
    jobs.remove(job_id)
    app.button(key=f"train-remove-{job_id}").click().run()
    assert "job must be one of the queue" in words(app)


def test_a_finished_job_opens_its_model(
    workspace: Workspace, saved: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way, with real training of two epochs and the real page afterwards."""
    app = open_train()
    app.segmented_control(key="train-budget").set_value("tiny").run()
    field(app, "training-epochs").set_value(2).run()
    app.button(key="train-start").click().run()
    ended = work(workspace)
    ((job_id, state),) = ended.items()
    assert (state.status, state.error) == ("done", "")
    app.run()
    assert not app.exception and not app.error
    assert metric(app, "Test accuracy")
    assert metric(app, "AUC of")
    table = app.table[0].value
    assert "gradient boosting" in [*table["Model"]]
    app.button(key=f"train-open-{job_id}").click().run()
    assert not app.exception
    assert app.session_state["view"].model == state.model
    app.switch_page("../pages/overview.py").run()
    assert not app.exception and not app.error
    assert app.title[0].value


def test_data_that_are_saved_anew_are_read_anew(workspace: Workspace, saved: Collection) -> None:
    (known,), _ = cache_train.saved()
    assert cache_train.counts(known) == (200, 200)
    workspace.save(loans(120))
    (changed,), _ = cache_train.saved()
    assert changed != known and cache_train.counts(changed) == (120, 120)


# --- Figures ----------------------------------------------------------------------------


def test_a_long_training_is_drawn_in_strides() -> None:
    records = [
        {"epoch": float(n), "seconds": 1.0, "class": 1 / (1 + n), "open_share": 0.5}
        for n in range(1001)
    ]
    for drawn in (draw_losses(records, 2000), draw_answers(records, 2000)):
        for trace in drawn.data:
            assert len(trace.x) <= 300 and trace.x[-1] == 1001
        assert drawn.layout.xaxis.range == (0.5, 2000.5)


def test_terms_are_what_the_loss_is_made_of() -> None:
    said = {"class": 1.0, "concept": 2.0, "router": 0.5}
    record = {"epoch": 1.0, "seconds": 3.0, "learning_rate": 0.1, "open_share": 0.2}
    assert loss_terms(record | said | {"validation_class": 9.0, "validation_loss": 9.0}) == said


def test_nothing_yet_is_an_empty_chart() -> None:
    assert not draw_answers([], 3).data
    assert [len(trace.x) for trace in draw_losses([], 3).data] == [0]
