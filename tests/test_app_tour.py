"""The guided tour, from the first page to the last stop."""

import numpy as np
import pytest
from test_app import TABULAR, open_app, own_store
from test_app_attributions import nothing_starts

from dashboard import cache, cache_tour
from minspnet.attribution import attribute
from minspnet.attribution.routed import place_sums
from minspnet.trace import replay
from minspnet.trust import likeness

__all__ = ["nothing_starts", "own_store"]


def said(app: object) -> str:
    """The sentence of the stop."""
    return next(m.value for m in app.markdown if m.value.startswith("**Stop"))


@pytest.mark.parametrize("model", [TABULAR, "lung_nodules"])
def test_a_tour_leads_through_its_stops_and_back_to_the_start(model: str) -> None:
    app = open_app(model=model)
    next(b for b in app.button if b.label.startswith("Take the tour")).click().run()
    policy = cache.model(model).policy
    for place, stop in enumerate(cache_tour.stops(model, policy)):
        assert said(app).startswith(f"**Stop {place + 1} of 5")
        assert app.query_params["case"] == stop.case
        case = cache.one_case(model, stop.case)
        ran = int(replay(case, policy).active.sum())
        if stop.kind in ("easy", "hard"):
            assert f"{ran} of {case.gates.shape[1]} experts ran" in said(app)
        if stop.kind == "mended":
            app.button(key="tour-correct").click().run()
            assert "which is right" in said(app)
            concept, value = stop.correction
            mended = replay(case, policy.intervene(concept, value))
            known = cache.domain_of(model).classes[cache_tour.label(model, stop.case)]
            assert cache.domain_of(model).classes[mended.predicted[0]] == known
            shown = next(m for m in app.metric if m.label == "With your changes")
            assert shown.value == known
        app.button(key="tour-on").click().run()
        assert not app.exception
    assert said(app).startswith("**Stop 5 of 5")
    assert app.title[0].value.startswith("Which inputs did it")
    app.button(key="tour-on").click().run()
    assert app.title[0].value == "A network that shows its work"
    assert not any(m.value.startswith("**Stop") for m in app.markdown)


def test_a_link_may_start_the_tour_and_leaving_it_ends_it() -> None:
    app = open_app(demo="", model=TABULAR)
    assert said(app).startswith("**Stop 1 of 5") and "demo" not in app.query_params
    app.button(key="tour-leave").click().run()
    assert not any(m.value.startswith("**Stop") for m in app.markdown)
    app.run()
    assert not any(m.value.startswith("**Stop") for m in app.markdown)


def test_off_the_way_the_tour_leads_back() -> None:
    app = open_app(demo="", model=TABULAR)
    first = app.query_params["case"]
    app.button(key="tour-on").click().run()
    other = next(i for i in cache.model(TABULAR).traces["test"].case_ids if i != first)
    app.selectbox(key="case-id").set_value(other).run()
    app.button(key="tour-here").click().run()
    assert (
        app.query_params["case"] == cache_tour.stops(TABULAR, cache.model(TABULAR).policy)[1].case
    )


def test_the_disputed_case_is_the_least_agreed_about() -> None:
    """Asked anew, method by method, without the page's caches."""
    loaded = cache.model(TABULAR)
    found = cache_tour.disputed(TABULAR, loaded.policy)
    trace = loaded.traces["test"]
    decided = replay(trace, loaded.policy)
    known = cache.part(TABULAR, "train").inputs
    alike = {}
    for place in np.unique(np.linspace(0, len(trace) - 1, found.asked).round().astype(int)):
        case = trace.case_ids[place]
        told, against = cache.told(TABULAR, case, loaded.policy)
        first, second = (
            place_sums(
                attribute(
                    cache.network(TABULAR),
                    cache.case_inputs(TABULAR, case),
                    decided.active[place],
                    method,
                    f"class:{told}:{against}",
                    (),
                    known,
                ).values
            )
            for method in cache_tour.METHODS
        )
        alike[case] = likeness(first, second, signed=True)
    assert alike[found.case] == pytest.approx(found.alike) == pytest.approx(min(alike.values()))
