"""What the network says about a case, and how sure it is."""

import streamlit as st

from dashboard import cache, desk, text
from dashboard.figures.pictures import thumbnail
from dashboard.format import chance, flops
from dashboard.state import View
from dashboard.widgets import sets
from dashboard.widgets.report import show_report
from dashboard.widgets.tile import show_tile
from minspnet.trace import replay


def show_reasons(view: View, case_id: str) -> None:
    """Why, and what would change it, in two sentences; beside them the case on paper."""
    domain = cache.domain_of(view.model)
    concepts = replay(cache.one_case(view.model, case_id), view.policy).concepts[0].tolist()
    typical = cache.typical(view.model, view.policy.without_interventions()).tolist()
    found, flip = cache.explained(view.model, case_id, view.policy)
    because = text.because(domain, found, concepts, typical)
    change = text.what_would_change_it(domain, flip, concepts)
    if desk.hides_truth():
        # The report tells the known answer.
        st.markdown(f"{because} {change}")
        return
    reasons, paper = st.columns([6, 1], vertical_alignment="top")
    reasons.markdown(f"{because} {change}")
    with paper:
        show_report(view, case_id)


def show_answer(view: View, case_id: str) -> None:
    """Answer, probability, what it took, and the known answer."""
    loaded = cache.model(view.model)
    domain = cache.domain_of(view.model)
    trace = cache.one_case(view.model, case_id)
    decided = replay(trace, view.policy)
    untouched = replay(trace, view.policy.without_interventions())
    predicted = int(decided.predicted[0])
    finding = len(domain.classes) - 1 if len(domain.classes) == 2 else predicted
    likely = float(decided.probabilities[0, finding])
    before = float(untouched.probabilities[0, finding])
    part_name, row = cache.case_place(view.model, case_id) or ("test", 0)
    known = domain.classes[cache.part(view.model, part_name).labels[row]]
    alone = domain.classes[int(untouched.predicted[0])]
    verdict = "as the network says" if known == alone else "the network is wrong"
    wrong = known != alone and not view.policy.interventions
    if view.policy.interventions:
        verdict = f"the network alone said {alone}"
    cut = view.policy.decision_threshold
    sure = text.certainty(float(decided.probabilities[0, predicted]))
    error = loaded.metrics["gated"]["calibration_error_10_bins"]
    tiles = st.container(horizontal=True)
    if domain.modality == "image":
        tiles.image(
            thumbnail(cache.picture(view.model, case_id)),
            width=128,
            alt=f"The {domain.case_noun} that the network was given",
        )
    if sets.is_withheld(view, case_id):
        why = sets.why_withheld(view, case_id)
        show_tile(tiles, "The network says", "withheld", why)
        return
    show_tile(
        tiles,
        "With your changes" if view.policy.interventions else "The network says",
        domain.classes[predicted],
        sure
        if cut == 0.5 or len(domain.classes) > 2
        else f"{domain.classes[-1]} from {cut:.0%} on",
    )
    show_tile(
        tiles,
        f"Chance of {domain.classes[finding]}",
        chance(likely),
        f"{chance(before)} before your changes"
        if view.policy.interventions
        else text.in_a_hundred(likely),
        help="Calibrated on validation cases. At the shipped operating point, and without "
        f"changes by hand, stated confidence and accuracy differ by {100 * error:.1f} points on "
        "test cases (mean over 10 bins of equally many cases).",
    )
    show_tile(
        tiles,
        "It took",
        flops(float(loaded.cost.macs(decided.active)[0])),
        f"{int(decided.active.sum())} of {decided.active.shape[1]} experts ran"
        if decided.active.shape[1]
        else "all of the network",
        help="Arithmetic that the answer took: one multiplication with its addition is two "
        f"floating-point operations (FLOPs). All experts together: {flops(loaded.cost.total)}.",
    )
    if desk.hides_truth():
        show_tile(tiles, "Known answer", "after your verdict", "you judge first")
        return
    show_tile(
        tiles,
        "Known answer",
        known,
        verdict,
        alarm=wrong,
        help=f"A {part_name} case: the network was not trained on it. {domain.concept_note}",
    )
