"""One training: how far it is, how its curves run, and what came of it."""

import math

import streamlit as st

from dashboard import cache, cache_compare, cache_uncertain, state, text
from dashboard.figures.progress import draw_answers, draw_losses, loss_terms
from dashboard.format import duration, percent, score
from dashboard.navigation import go_to
from dashboard.widgets.chart import show_chart
from minspnet.queue.progress import Record, seconds_left
from minspnet.queue.queue import Entry


def show_progress(entry: Entry, records: list[Record]) -> None:
    """The bar with the time left, and the curves so far."""
    epochs = entry.job.training.epochs
    if entry.state.status == "baselines":
        st.progress(1.0, "Trained")
    else:
        left = seconds_left(records, epochs)
        said = "starting" if math.isnan(left) else f"about {duration(left)} left"
        if entry.job.training.patience and records:
            said += " at most"
        st.progress(len(records) / epochs, said)
    if records:
        _show_curves(entry, records)


def offer_curves(entry: Entry, records: list[Record]) -> None:
    """The curves of what has ended, for whoever asks."""
    place = st.expander("How it went", key=f"train-went-{entry.id}", on_change="rerun")
    if place.open:
        with place:
            _show_curves(entry, records)


def _show_curves(entry: Entry, records: list[Record]) -> None:
    """The numbers of the last epoch, then how they came about."""
    last, epochs = records[-1], entry.job.training.epochs
    row = st.container(horizontal=True)
    if (right := last.get("validation_accuracy")) is not None:
        row.metric(
            "Validation cases right",
            percent(right, 1),
            help="Of cases that it does not learn from, with the experts it practises.",
        )
    if (open_share := last.get("open_share")) is not None:
        row.metric(
            "Experts open",
            percent(open_share),
            help="Share of experts whose gate reaches one half, over the training cases.",
        )
    for name, value in loss_terms(last).items():
        row.metric(f"Loss: {name}", score(value), help="Mean over the last epoch.")
    left, right_column = st.columns(2)
    with left:
        show_chart(
            draw_losses(records, epochs),
            alt=f"Loss by epoch of {entry.job.collection}, training {entry.id[-8:]}",
            key=f"losses-{entry.id}",
        )
    with right_column:
        show_chart(
            draw_answers(records, epochs),
            alt=f"Validation cases right and experts open by epoch of {entry.job.collection}, "
            f"training {entry.id[-8:]}",
            key=f"answers-{entry.id}",
        )


def show_result(entry: Entry, records: list[Record]) -> None:
    """The scores beside those of the usual models, and the way to the model."""
    name = entry.state.model
    if name not in [one for names in cache.models().values() for one in names]:
        st.caption(text.plain(f"The model {name} is no longer there."))
        return
    if warning := cache_uncertain.no_better_than_guessing(name):
        st.warning(text.plain(warning))
    metrics = cache.model(name).metrics
    ours, usual = metrics["gated"], metrics["baselines"]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    policy, cases = cache.model(name).policy, metrics["cases"]["test"]
    about = cache_compare.about(name, "test")
    right = cache_compare.accuracy(name, "test", policy)
    area = cache_compare.auc(name, "test", policy)
    row.metric(
        "Test accuracy",
        score(right.value),
        f"{cases:,} cases, 95%: {right.bounds}",
        delta_color="off",
        delta_arrow="off",
        help=f"On cases that it never saw, with Wilson's interval. {about}".strip(),
    )
    boundless = text.BOUNDLESS if area.value == 1 else ""
    row.metric(
        "Test AUC",
        score(area.value),
        f"{cases:,} cases" + (f", 95%: {area.bounds}" if area.bounded else ""),
        delta_color="off",
        delta_arrow="off",
        help=f"On cases that it never saw. {about if area.bounded else boundless}".strip(),
    )
    if usual:
        best = max(usual, key=lambda one: usual[one]["auc"])
        row.metric(f"AUC of {best}", score(usual[best]["auc"]), help="Best of the usual models.")
    row.metric(
        "Compute saved",
        percent(1 - ours["mean_macs"] / metrics["total_macs"]),
        help="By not running experts where the answer is clear, mean over the test cases.",
    )
    if row.button(
        "Open it", key=f"train-open-{entry.id}", type="primary", icon=":material/arrow_forward:"
    ):
        state.open_model(name)
        go_to("overview")
    with st.expander("Beside the usual models"):
        table = {"MINSPNET, as routed": ours, "MINSPNET, all experts": metrics["all_on"]} | usual
        st.table(
            {
                "Model": list(table),
                "Accuracy": [score(one["accuracy"]) for one in table.values()],
                "AUC": [score(one["auc"]) for one in table.values()],
            }
        )
        st.caption(
            f"On the same {metrics['cases']['test']:,} test cases, once. What would take hours to "
            "fit is left out."
        )
    if records:
        offer_curves(entry, records)
