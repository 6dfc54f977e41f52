"""Pieces of the Overview page."""

import textwrap

import pandas as pd
import streamlit as st

from dashboard import cache, cache_compare, state, text
from dashboard.figures.network import Part, draw_network
from dashboard.figures.tradeoff import draw_scores
from dashboard.format import amount, flops, percent, score
from dashboard.navigation import go_to
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from dashboard.widgets.picker import ORDER
from dashboard.widgets.tile import show_tile
from dashboard.widgets.tour import start
from minspnet.domain import Domain
from minspnet.policy import CLOSED
from minspnet.spread import summarise

OURS = {
    "gated": "MINSPNET, as routed",
    "all_on": "MINSPNET, all experts",
    "base_only": "MINSPNET, base exit alone",
}
_INPUTS = {"image": "picture", "signal": "{} channels", "tabular": "{} numbers"}
_AUC = {
    False: "How often a case of the class looked for scores above one of the other.",
    True: "How often a case of a class scores above one of another, mean over the classes.",
}


def show_headline(view: View) -> None:
    """The numbers of the loaded model under the policy on screen."""
    loaded = cache.model(view.model)
    policy = view.policy.without_interventions()
    now = cache.score(view.model, "test", policy)
    experts = sum(now.expert_shares)
    cases = len(loaded.traces["test"])
    row = st.container(horizontal=True)
    show_tile(
        row,
        "Parameters",
        f"{loaded.metrics['parameters']:,}",
        text.counted(len(now.expert_shares), "expert"),
    )
    show_tile(
        row,
        "FLOPs per case",
        amount(2 * now.mean_macs),
        f"{percent(1 - now.mean_macs / loaded.cost.total)} saved by routing",
        help=f"{now.mean_macs:,.0f} MACs; one MAC is two FLOPs. Mean over {cases} test cases.",
    )
    show_tile(
        row,
        "Experts per case",
        f"{experts:.1f}" if experts >= 0.1 else f"{experts:.1g}",
        f"of {len(now.expert_shares)}",
        help="Mean over the test cases, at the gate thresholds on screen.",
    )
    right = cache_compare.accuracy(view.model, "test", policy)
    about = cache_compare.about(view.model, "test")
    show_tile(
        row,
        "Test accuracy",
        score(right.value),
        f"95%: {right.bounds}",
        help=f"Of {cases:,} cases it was never trained on, under the operating point on screen, "
        f"with Wilson's interval. {about}".strip(),
    )
    area = cache_compare.auc(view.model, "test", policy)
    bounds = f"The 95% interval is over redrawn cases. {about}"
    if not area.bounded:
        bounds = text.BOUNDLESS if area.value == 1 else ""
    show_tile(
        row,
        "Test AUC",
        score(area.value),
        f"95%: {area.bounds}" if area.bounded else f"{cases:,} cases",
        help=f"{_AUC[len(cache.domain_of(view.model).classes) > 2]} {bounds}".strip(),
    )

    corrected = loaded.metrics["intervention"]["accuracies"]
    show_tile(
        row,
        "Once corrected",
        score(corrected[-1]),
        f"accuracy, from {corrected[0]:.3f}",
        help="Test accuracy with all experts on, before and after every finding of every case is "
        "set to its true value. Where findings leak, corrections make decisions worse.",
    )


def show_network(view: View) -> None:
    """The real stages, with the share of cases and the compute of each."""
    show_chart(
        draw_network(_parts(view)),
        key="network",
        alt="The network from input to class, with the share of cases that reach each part",
    )
    kinds = {expert.gate for expert in cache.model(view.model).spec.experts}
    green = f"Green runs only where the router opens its gate: {text.gates(kinds, 1, ', or ')}. "
    st.caption(
        f"Blue runs for every case. {green if kinds else ''}Orange is what people read. Lines "
        "are as wide as cases are many. An expert adds to what was said before it, so a case "
        "that stops early already has its findings."
    )


def _parts(view: View) -> list[Part]:
    """The boxes of the drawing, from the model's own tree, costs and shares of cases."""
    loaded = cache.model(view.model)
    domain = cache.domain_of(view.model)
    now = cache.score(view.model, "test", view.policy.without_interventions())
    tree, cost = loaded.traces["test"].tree, loaded.cost
    depth: list[int] = []
    for parent in tree.parents:
        depth.append(1 + (depth[parent] if parent >= 0 else 0))
    stops = now.stop_shares
    boxes = [
        Part(("input",), (_inputs(view),), 1, 0, 0.45, 0.5, (), "fixed"),
        Part(
            ("stem and base exit",),
            (f"every case · {flops(cost.base)}",),
            1,
            1,
            0.45,
            0.5,
            (0,),
            "fixed",
            stops[0],
        ),
    ]
    for expert, (name, share) in enumerate(zip(tree.names, now.expert_shares, strict=True)):
        beside = [e for e in range(len(depth)) if depth[e] == depth[expert]]
        alone = len(beside) == 1
        served, price = f"{percent(share)} of cases", flops(cost.experts[expert])
        kind = text.GATES[loaded.spec.experts[expert].gate][0]
        gate = f"if {kind} ≥ {_threshold(view, expert)}"
        boxes.append(
            Part(
                (name,),
                (*((f"{served} · {price}",) if alone else (served, price)), gate),
                share,
                depth[expert] + 1,
                0.45 if alone else 0.9 * (beside.index(expert) + 0.5) / len(beside),
                0.5 if alone else 0.87 / len(beside),
                (tree.parents[expert] + 2,),
                stops=stops[expert + 1],
            )
        )
    last = max(depth, default=0) + 2
    leaves = tuple(e + 2 for e in range(len(depth)) if e not in tree.parents)
    findings, titles = _findings(domain)
    boxes.append(Part(findings, titles, 1, last, 0.45, 0.5, leaves, "result"))
    answers = _answers(domain.classes)
    above = (len(boxes) - 1,)
    boxes.append(Part(answers, ("a weighted sum",), 1, last + 1, 0.45, 0.5, above, "result"))
    return boxes


def _inputs(view: View) -> str:
    domain = cache.domain_of(view.model)
    mixed = any(feature.levels for feature in cache.features(view.model))
    said = "{} columns" if mixed and domain.modality == "tabular" else _INPUTS[domain.modality]
    return said.format(cache.model(view.model).spec.input_shape[0])


def _findings(domain: Domain) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How many there are, and the first titles, as far as two lines go."""
    many = len(domain.concepts)
    first = ", ".join(concept.title for concept in domain.concepts[:3])
    if many > 3:
        first += ",\N{NO-BREAK SPACE}..."
    lines = textwrap.wrap(first, 34, max_lines=2, placeholder=" ...")
    return (text.counted(many, "finding"),), tuple(lines)


def _answers(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes by name where two lines hold them, else how many they are."""
    lines = textwrap.wrap(" or ".join(classes), 28)
    named = len(classes) < 4 and len(lines) < 3
    return tuple(lines) if named else (f"one of {len(classes)} classes",)


def _threshold(view: View, expert: int) -> str:
    threshold = view.policy.gate_thresholds[expert]
    return "off" if threshold == CLOSED else f"{threshold:.2f}"


def show_scores_title(view: View) -> None:
    """Say what is beside it, where anything is."""
    beside = ", beside the usual models" if cache.model(view.model).metrics.get("baselines") else ""
    st.header(f"How good it is{beside}")


def show_scores(view: View) -> None:
    """AUC and accuracy over several splits, the baselines in the same table."""
    loaded = cache.model(view.model)
    baselines = loaded.metrics.get("baselines", {})
    spread = loaded.metrics.get("over_splits", {"runs": 1})
    one = spread["runs"] == 1
    domain = cache.domain_of(view.model)
    titles = OURS | {name: name for name in baselines}
    scores = spread.get("scores") or summarise([loaded.metrics])
    rows = [
        (title, scores[f"{key}.auc"]["mean"], scores[f"{key}.auc"]["sd"])
        for key, title in titles.items()
    ]
    show_chart(
        draw_scores(
            rows,
            "AUC on test cases" if one else "AUC on test cases (mean, sd)",
            tuple(OURS.values()),
        ),
        key="scores",
        alt="AUC of the network and of the usual models" if baselines else "AUC of the network",
    )
    parameters = {name: s["parameters"] for name, s in baselines.items()}
    table = pd.DataFrame(
        {
            "Model": list(titles.values()),
            "Accuracy": [_spread(scores[f"{key}.accuracy"], one) for key in titles],
            "AUC": [_spread(scores[f"{key}.auc"], one) for key in titles],
            "Parameters": [
                _count(parameters.get(key, loaded.metrics["parameters"])) for key in titles
            ],
        }
    )
    st.table(table.set_index("Model"))
    how = (
        "Of one split: how far scores lie apart over several is not known."
        if one
        else f"Mean ± standard deviation over {spread['runs']} random splits by "
        f"{domain.group_noun or domain.case_noun}, each trained anew."
    )
    if not baselines:
        st.caption(f"{how} The usual models were not scored with it; **Compare** has more.")
        return
    st.caption(
        f"{how} All models saw the same "
        "labelled training cases and were scored on the same test cases; MINSPNET also learns "
        "from the rated findings, of unlabelled cases too where there are any."
    )


def _spread(values: dict[str, float], one: bool) -> str:
    return f"{values['mean']:.3f}" + ("" if one else f" ± {values['sd']:.3f}")


def _count(value: int | None) -> str:
    return "trees" if value is None else f"{value:,}"


def show_invitations(view: View) -> None:
    """A tour for those who have a minute, and a way to each question that people come with."""
    visitor, clinician, engineer, auditor = st.columns(4)
    if visitor.button("Take the tour: real cases", width="stretch", type="primary"):
        start()
    if clinician.button("Review the least certain case", width="stretch"):
        st.session_state[ORDER] = "uncertain"
        state.open_case(cache.ordered_cases(view.model, "uncertain", view.policy)[0])
        go_to("case")
    if engineer.button("Trade compute for accuracy", width="stretch"):
        go_to("routing")
    if auditor.button("See what misleads it", width="stretch"):
        go_to("concepts")
