"""What to train: on which data, how large, and with which settings."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import cache_train, text
from dashboard.cache_train import Saved
from dashboard.format import amount
from dashboard.navigation import go_to
from dashboard.widgets.card_file import SAVED
from dashboard.widgets.settings import edit_settings
from dashboard.widgets.tile import show_tile
from minspnet.budgets import BUDGETS, USUAL
from minspnet.domain import Domain
from minspnet.errors import UserError, in_a_line
from minspnet.presets import Preset
from minspnet.queue.job import MOST_SEED, Job
from minspnet.queue.worker import start
from minspnet.registry import numbered
from minspnet.workspace import Workspace

_BUDGETS = {
    "tiny": "A first try, within seconds: shows whether the data say anything.",
    "small": "The usual choice: minutes on one processor, and small enough for any device.",
    "accurate": "For the best answers: trains longest, and answers cost most.",
}
_DATA, _SEED = "train-data", "train-seed"


def show_setup() -> None:
    """The form, or what to do first where no data are saved."""
    known, unreadable = cache_train.saved()
    for sentence in unreadable:
        st.warning(text.plain(sentence))
    if not known:
        _invite()
        return
    left, right = st.columns([1, 1], gap="large")
    with left:
        named = {one.key: one for one in known}
        newest = st.session_state.get(SAVED)
        key = st.selectbox(
            "1. Which data?",
            list(named),
            index=list(named).index(newest) if newest in named else 0,
            format_func=lambda key: _title(named[key], known),
            key=_DATA,
            help="What was saved on the Data page.",
        )
        chosen = named[key]
        try:
            domain = cache_train.collection(chosen).card.domain()
        except UserError as error:
            st.error(text.plain(str(error)))
            return
        variant = _pick_variant(key, domain)
        _describe(chosen, domain)
        budget = st.segmented_control(
            "2. How large may the network be?",
            BUDGETS,
            default=USUAL,
            required=True,
            format_func=str.capitalize,
            key="train-budget",
        )
        st.caption(_BUDGETS[budget])
    with right:
        place = st.container()
    seed, preset = _settings(chosen, domain, variant, budget)
    with place:
        _show_size(chosen, variant, budget, seed, preset)


def _invite() -> None:
    """Nothing can be trained yet: say what comes first."""
    with st.container(border=True):
        st.subheader("First, bring your data")
        st.write(
            "A network learns from cases whose answer is known: a table with one row for each "
            "case, or a folder of pictures for each answer. Once saved, they are offered here."
        )
        if st.button("Bring your data", type="primary", key="train-to-data"):
            go_to("data")


def _title(one: Saved, known: list[Saved]) -> str:
    alike = [other.title for other in known].count(one.title) > 1
    return f"{one.title} ({one.key})" if alike else one.title


def _pick_variant(key: str, domain: Domain) -> str:
    if len(domain.variants) == 1:
        return domain.variants[0].name
    titles = {variant.name: variant.title for variant in domain.variants}
    return st.selectbox(
        "Which inputs?",
        list(titles),
        format_func=titles.__getitem__,
        key=f"train-variant-{key}",
    )


def _describe(chosen: Saved, domain: Domain) -> None:
    cases, labelled = cache_train.counts(chosen)
    without = f" ({cases - labelled:,} without an answer)" if labelled < cases else ""
    findings = text.counted(len(domain.concepts), "finding")
    st.caption(
        text.plain(
            f"{cases:,} {domain.case_noun}s{without}, {findings}, answers: "
            f"{text.few(domain.classes)}."
        )
    )


def _settings(
    chosen: Saved, domain: Domain, variant: str, budget: str
) -> tuple[int, Preset | None]:
    """Seed and recipe as the form says; no recipe while something in it is wrong."""
    try:
        usual = cache_train.recipe(chosen, variant, budget)
    except UserError as error:
        st.error(text.plain(str(error)))
        return 0, None
    with st.expander("All settings", icon=":material/tune:"):
        st.caption("Filled in for your data and the size above. Nothing here has to be changed.")
        seed = st.number_input(
            "Seed",
            0,
            MOST_SEED,
            0,
            key=_SEED,
            width=220,
            help="Draws which cases train and which test, and every random number of the "
            "training: the same seed gives the same network again.",
        )
        # Other data or another size start the form anew.
        form = f"settings-{chosen.key}-{chosen.stamp}-{variant}-{budget}"
        try:
            return seed, edit_settings(usual, domain.concept_names, form)
        except UserError as error:
            st.error(text.plain(str(error)))
            return seed, None


def _show_size(chosen: Saved, variant: str, budget: str, seed: int, preset: Preset | None) -> None:
    """What the network holds and costs, before anything is trained; and the button."""
    found = None
    if preset is None:
        st.error("A setting cannot be as it is: see under All settings.")
    else:
        try:
            found = cache_train.preview(preset)
        except UserError as error:
            st.error(text.plain(str(error)))
    row = st.container(horizontal=True)
    if preset is not None and found is not None:
        cost = found.cost
        experts = len(cost.experts)
        show_tile(
            row,
            "Parameters",
            f"{found.parameters:,}",
            f"{experts} expert{'s' * (experts != 1)}",
            help="Numbers that training sets.",
        )
        show_tile(
            row,
            "FLOPs per case",
            amount(2 * cost.total),
            f"{amount(2 * cost.base)} at least",
            help=f"Two a multiply-accumulate step (MAC): {cost.total:,} MACs where every expert "
            f"runs, {cost.base:,} where the first answer is clear enough.",
        )
        show_tile(
            row,
            "Epochs",
            f"{preset.training.epochs:,}",
            "at most" if preset.training.patience else "passes",
            help="Each epoch sees every case that trains once. The usual models come on top.",
        )
    title = _untaken(f"{chosen.title}, {budget}")
    if st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        key="train-start",
        disabled=found is None,
        width="stretch",
    ):
        assert preset is not None
        try:
            _start(chosen, variant, seed, preset, title)
        except (UserError, OSError) as error:  # a folder that is full, or was taken away
            said = str(error) if isinstance(error, UserError) else in_a_line(error)
            st.error(f"It could not be started, see the list of trainings: {text.plain(said)}")
        else:
            st.rerun()
    st.caption(
        "It goes on in the background, also if you leave this page. The usual models, such as "
        "gradient boosting, are trained along to compare with."
    )


def _untaken(title: str) -> str:
    """Number a title that another training has."""
    return numbered(title, {entry.job.title for entry in cache_train.queue().entries()[0]})


def _start(chosen: Saved, variant: str, seed: int, preset: Preset, title: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    data = cache_train.digest(chosen)
    job = Job(chosen.key, data, variant, preset.model, preset.training, seed, title, now)
    cache_train.queue().add(job)
    start(Workspace.from_environment())
