"""On the Review log: what a model can learn from reviews, and having it learn."""

import pandas as pd
import streamlit as st

from dashboard import cache, in_force, learning, review_words, text, update_words, who
from dashboard.navigation import go_to
from dashboard.state import View
from dashboard.widgets import versus
from dashboard.widgets.reader import show_reader
from minspnet.access import Action
from minspnet.domain import Domain
from minspnet.errors import UserError
from minspnet.learned import AdapterSpec, Kind
from minspnet.record.sets import ANSWER, ReviewedSet

_SHOWN = 500
_KINDS: list[Kind] = ["bias", "low_rank"]


def show_learning(view: View) -> None:
    """The set, whether it is enough, the button, and updates made before."""
    if not who.may(Action.TRAIN_MODEL):
        return
    domain = cache.domain_of(view.model)
    st.header(
        "Learn from these reviews",
        help="What readers set right is taught to a copy of the network, of which nearly "
        "everything stays as it is. The copy is compared with the network before anybody adopts "
        "it; nothing changes by itself. All reviews of this model count, whatever is filtered "
        "above.",
    )
    try:
        content = learning.proposed(view.model)
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    st.write(text.plain(_sums(content)))
    _show_set(content, domain)
    _show_versions(view, domain)
    try:
        _, differing = learning.looked_up(view.model, content)
    except UserError as error:
        st.info(text.plain(f"Not yet: {error}"))
    else:
        _show_start(view, content, differing)
    _show_updates(view)


def _sums(content: ReviewedSet) -> str:
    findings = sum(len(case.findings) for case in content.cases)
    answers = sum(case.answer is not None for case in content.cases)
    apart = len(content.left_out)
    said = (
        f"{text.counted(len(content.readers), 'reader')} set {text.counted(findings, 'finding')} "
        f"right and gave {text.counted(answers, 'answer')} on "
        f"{text.counted(len(content.cases), 'case')}."
    )
    if not apart:
        return said
    one = apart == 1
    what = "more answer or finding is" if one else "more answers or findings are"
    return (
        f"{said} {apart:,} {what} left out, for readers do not agree on {'it' if one else 'them'}."
    )


def _show_set(content: ReviewedSet, domain: Domain) -> None:
    with st.expander(f"What would be learned ({text.counted(len(content.cases), 'case')})"):
        _show_cases(content, domain)


def _show_cases(content: ReviewedSet, domain: Domain) -> None:
    rows = [
        {
            "Case": case.case_id,
            "Answer": case.answer or "none",
            "Findings set right": review_words.corrections(domain, case.findings),
            "Readers": ", ".join(case.readers),
        }
        for case in content.cases[:_SHOWN]
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(320, 36 * (len(rows) + 1) + 3),
        alt="Reviewed cases: answer, findings set right, readers",
    )
    st.caption(
        "Of each reader the newest review of a case counts. An answer is the one that most readers "
        "gave; a finding counts as set right if more than half of the case's readers set it right, "
        "at the median of their values. What nobody set right is held where it was."
    )
    if not content.left_out:
        return
    titles = {concept.name: concept.title for concept in domain.concepts}
    left = [
        {
            "Case": one.case_id,
            "What": "the answer" if one.what == ANSWER else titles.get(one.what, one.what),
            "Left out because": one.why,
        }
        for one in content.left_out[:_SHOWN]
    ]
    st.dataframe(pd.DataFrame(left), hide_index=True, alt="What readers do not agree on")


def _show_versions(view: View, domain: Domain) -> None:
    task = in_force.scope_of(view.model)
    count = cache.store().sets.count(task)
    if not count:
        return
    place = st.expander(
        f"Sets that were learned from before ({count:,})", key="learn-versions", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        number = st.selectbox(
            "Version", range(count, 0, -1), format_func=str, key="learn-version", width=160
        )
        try:
            kept = cache.store().sets.version(task, number)
        except UserError as error:
            st.error(text.plain(str(error)))
            return
        st.caption(
            f"Kept {review_words.when(kept.at)} UTC by {text.plain(kept.by)}, hash "
            f"{kept.content.digest[:12]}."
        )
        _show_cases(kept.content, domain)


def _show_start(view: View, content: ReviewedSet, differing: int) -> None:
    answers = f"Answers other than the network's: {differing:,}."
    seen = update_words.seen(cache.domain_of(view.model))
    st.caption(f"{answers} For the new model, cases no longer count as unseen: {seen}.")
    name = show_reader("Your name: it stands in the record")
    kind = st.segmented_control(
        "What may change",
        _KINDS,
        format_func=update_words.KINDS.__getitem__,
        default="bias",
        required=True,
        key="learn-kind",
        help=" ".join(
            f"**{update_words.KINDS[one]}**: {update_words.MEANINGS[one]}" for one in _KINDS
        ),
    )
    pressed = st.button("Fit an update", type="primary", key="learn-start", disabled=not name)
    if not pressed:
        return
    try:
        with st.status("Fitting ...", expanded=False) as status:
            made = learning.learn(
                view.model,
                content,
                AdapterSpec(kind or "bias"),
                lambda said: status.update(label=f"{said} ..."),
            )
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    _compare(view.model, made)


def _show_updates(view: View) -> None:
    made = learning.updates_of(view.model)
    if not made:
        return
    st.subheader("Updates of this model")
    for name in made:
        account = learning.account(name)
        if account is None:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{text.plain(cache.title_of(name))}**: version {account.version}, "
                f"{update_words.KINDS[account.adapter.kind].lower()}",
                width="content",
            )
            if st.button("Compare", key=f"learn-compare-{name}"):
                _compare(view.model, name)


def _compare(old: str, new: str) -> None:
    versus.begin_with(old, new)
    go_to("compare")
