"""The Activations page, driven as an engineer would: every number is that of the core."""

import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, metric, open_app, own_store

from dashboard import cache, cache_activations, unit_words
from dashboard.format import score
from dashboard.widgets import ablation, units
from minspnet.metrics import sign_test
from minspnet.policy import Policy
from minspnet.selectivity import paired_interval
from minspnet.trace import active_experts

__all__ = ["own_store"]
WRIST = "wrist_exercise"
MODELS = (TABULAR, IMAGE, WRIST, "phishing", "shuttle", "breast_cytology-all_measurements")
TABS = ("What it stands for", "Without it", "How sparse each layer is")


def open_page(model: str, tab: str = "", **address: str) -> AppTest:
    app = open_app("activations", model=model, **address)
    if tab:
        app.session_state["activations-tab"] = tab
        app.run()
    assert not app.exception and not app.error
    return app


def menu(app: AppTest, start: str):
    return next(box for box in app.selectbox if box.label.startswith(start))


def chosen(app: AppTest) -> tuple[int, int]:
    return menu(app, "Layer").value, menu(app, "Unit").value


def saying(app: AppTest) -> str:
    """The sentence about the unit."""
    return app.markdown[1].value


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model", MODELS)
def test_every_tab_opens_on_every_model(model: str, tab: str) -> None:
    app = open_page(model, tab)
    assert [t.label for t in app.tabs] == list(TABS)
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))
    assert "validation cases" in captions(app)


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_the_map_leaves_out_just_what_did_not_run(model: str) -> None:
    app = open_page(model)
    layer, unit = chosen(app)
    known = cache_activations.recorded(model)
    policy = cache.model(model).policy
    ran = known.ran(layer, active_experts(cache.model(model).traces["validation"], policy))
    heat = figure(app)["data"][1]
    z = cells(heat["z"])
    assert z.shape[0] == known.layers[layer].units
    assert np.isnan(z).all(axis=0).sum() == (~ran).sum()
    assert np.isnan(z).sum() == (~ran).sum() * z.shape[0]
    rows = figure(app)["layout"]["yaxis2"]["ticktext"]
    assert f"<b>{unit_words.unit_name(model, known.layers[layer], unit)}</b>" in rows


def cells(z) -> np.ndarray:
    """A heat map's cells, as the browser gets them."""
    if isinstance(z, dict):
        import base64

        rows, columns = map(int, z["shape"].split(","))
        return np.frombuffer(base64.b64decode(z["bdata"]), z["dtype"]).reshape(rows, columns)
    return np.array(z, dtype=float)


@pytest.mark.parametrize("model", [IMAGE, WRIST, "shuttle"])
def test_a_map_of_everything_stays_small(model: str) -> None:
    app = open_page(model)
    app.session_state["activations-span"] = "all"
    app.run()
    assert not app.exception
    heat = figure(app)["data"][1]
    known = cache_activations.recorded(model)
    shape = cells(heat["z"]).shape
    assert shape[0] == sum(layer.units for layer in known.layers)
    assert shape[0] * shape[1] < 50_000
    assert heat["x"][-1] == len(known.case_ids)
    assert "neighbouring cases" in captions(app)


def test_the_sentence_says_what_a_second_library_finds() -> None:
    app = open_page(IMAGE)
    layer, unit = chosen(app)
    known = cache_activations.recorded(IMAGE)
    found = cache_activations.selectivity(IMAGE, layer, cache.model(IMAGE).policy)
    values = known.values[found.rows, known.of(layer)][:, unit]
    labels = cache.part(IMAGE, "validation").labels[found.rows]
    said = re.search(r"AUC ([\d.]+), ([\d.]+) to ([\d.]+)\)", saying(app))
    assert said and said[1] == score(roc_auc_score(labels, values))
    assert float(said[2]) < float(said[1]) < float(said[3])
    assert f"ran for {len(found.rows)} of {len(known.case_ids)} validation cases" in saying(app)


def test_every_part_and_layer_can_be_looked_at() -> None:
    app = open_page(TABULAR)
    known = cache_activations.recorded(TABULAR)
    seen = []
    for part in menu(app, "Part").options:
        menu(app, "Part").set_value(part).run()
        for layer in list(menu(app, "Layer").options):
            menu(app, "Layer").set_value(
                next(
                    n
                    for n, one in enumerate(known.layers)
                    if one.part == part and layer.lower().startswith(one.title.lower())
                )
            ).run()
            assert not app.exception
            seen.append(chosen(app)[0])
            assert known.layers[chosen(app)[0]].part in saying(app).replace("\\", "")
    assert sorted(seen) == list(range(len(known.layers)))


def test_concepts_and_measurements_are_called_by_their_names() -> None:
    app = open_page(TABULAR)
    menu(app, "Part").set_value("stem").run()
    first = cache.features(TABULAR)[0].title
    assert any(option.startswith(first) for option in menu(app, "Unit").options)
    menu(app, "Part").set_value("base exit").run()
    assert any(option.startswith("Nuclear size") for option in menu(app, "Unit").options)


def test_without_it_tells_what_the_core_finds() -> None:
    app = open_page(WRIST, "Without it")
    found = cache_activations.ablation(WRIST, *chosen(app), cache.model(WRIST).policy)
    assert metric(app, "Accuracy without it") == score(found.accuracy + found.accuracy_change)
    assert metric(app, "Decisions that flip") == f"{len(found.flipped):,} of {found.cases:,}"
    assert metric(app, "Cases routed otherwise") == f"{found.rerouted:,} of {found.cases:,}"
    moved = figure(app, 1)["data"][0]["x"]
    assert moved == pytest.approx(found.moved.tolist())
    ids = cache.model(WRIST).traces["validation"].case_ids
    table = app.dataframe[0].value
    assert table["Case"].tolist() == [ids[row] for row in found.flipped]
    assert (table["With it"] != table["Without it"]).all()


def test_four_flips_one_way_are_not_coloured() -> None:
    """Of 100 cases four are lost: the interval leaves out 0, the sign test says p = 0.125."""
    interval = paired_interval(np.repeat([-1.0, 0.0], [4, 96]))
    assert interval[1] < 0
    assert ablation._clear(-0.04, interval, sign_test(0, 4)) == 0
    interval = paired_interval(np.repeat([-1.0, 0.0], [6, 94]))
    assert ablation._clear(-0.06, interval, sign_test(0, 6)) == -0.06


def test_that_cases_are_taken_as_independent_is_said_where_they_are_not() -> None:
    assert "Cases of one subject are alike" in captions(open_page(WRIST, "Without it"))
    assert "are alike" not in captions(open_page(TABULAR, "Without it"))


def test_a_layer_is_ranked_when_asked_and_a_row_chooses_its_unit() -> None:
    app = open_page(TABULAR, "Without it")
    layer, _ = chosen(app)
    next(b for b in app.button if b.key == "rank-units").click().run()
    assert not app.exception
    policy = cache.model(TABULAR).policy
    units = cache_activations.recorded(TABULAR).layers[layer].units
    effects = [cache_activations.ablation(TABULAR, layer, u, policy) for u in range(units)]
    ranked = app.dataframe[-1].value
    assert ranked["Flips"].tolist() == sorted((len(e.flipped) for e in effects), reverse=True)
    assert set(ranked["Unit"]) == set(menu(app, "Unit").options)
    assert not [b for b in app.button if b.key in ("rank-units", "stop-ranking")]


def test_a_ranking_that_is_stopped_goes_back_to_its_button() -> None:
    app = open_page(IMAGE, "Without it")
    app.session_state[ablation._RANKED] = (IMAGE, chosen(app)[0])
    app.run()
    assert not [b for b in app.button if b.key == "rank-units"]
    menu(app, "Part").set_value("stem").run()
    assert [b for b in app.button if b.key == "rank-units"]


def test_layers_are_counted_as_the_core_does() -> None:
    app = open_page(IMAGE, "How sparse each layer is")
    table = app.dataframe[0].value
    known = cache_activations.recorded(IMAGE)
    found = cache_activations.activities(IMAGE, cache.model(IMAGE).policy)
    assert table["Units"].tolist() == [layer.units for layer in known.layers]
    assert table["Ran for"].tolist() == [seen.cases for seen in found]
    dead = [str(len(s.dead)) if k.rests else "-" for k, s in zip(known.layers, found, strict=True)]
    assert table["Dead"].tolist() == dead
    assert "Target" not in table
    assert "no target for its activity" in " ".join(c.value for c in app.caption)


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_an_expert_that_never_ran_is_said_to(model: str) -> None:
    closed = Policy.shared(1.01, len(cache.model(model).spec.experts))
    app = open_page(model, gates=closed.to_text()["gates"])
    assert "ran for none of" in saying(app)
    assert "lower a gate threshold" in app.info[0].value
    app.session_state["activations-tab"] = "Without it"
    app.run()
    assert not app.exception
    assert metric(app, "Decisions that flip").startswith("0 of ")


@pytest.mark.parametrize("model", [IMAGE, WRIST])
def test_a_click_opens_the_case(model: str) -> None:
    app = open_page(model)
    button = next(b for b in app.button if b.label == "Open")
    case = button.help
    button.click().run()
    assert not app.exception
    assert app.query_params["case"] == case
    assert case in cache.model(model).traces["validation"].case_ids


def test_an_edit_of_a_case_plays_no_part() -> None:
    case = cache.model(TABULAR).traces["validation"].case_ids[0]
    app = open_page(TABULAR, "Without it", case=case, edit="nuclear_size:1.0")
    plain = open_page(TABULAR, "Without it")
    assert metric(app, "Accuracy without it") == metric(plain, "Accuracy without it")


@pytest.mark.parametrize(
    ("area", "classes", "said"),
    [
        (0.5, (300, 300), "do not tell in which it is stronger"),  # a unit that never works
        (0.998, (300, 300), "AUC of malignant against benign: **1.00** (95%: 0.99"),
        (0.02, (300, 300), "The unit is weaker where it is malignant."),
        (np.nan, (7, 0), "The layer ran for benign cases only"),
        (np.nan, (0, 7), "The layer ran for malignant cases only"),
    ],
)
def test_two_classes_are_told_apart_in_a_sentence(
    area: float, classes: tuple[int, int], said: str
) -> None:
    found = cache_activations.Selectivity(
        np.arange(sum(classes)), classes, np.array([[1 - area, area]]), np.zeros((1, 2))
    )
    assert said in units._apart(cache.domain_of(TABULAR), found, 0)
