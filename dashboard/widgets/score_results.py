"""What came of scoring a file: answers, what to mind, and rows left out."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import batch as batches
from dashboard import cache, text
from dashboard.batch import PREVIEW, Batch
from dashboard.format import chance, flops, interval, percent
from dashboard.widgets.classes import class_column
from dashboard.widgets.download import offer
from minspnet.domain import Domain
from minspnet.predict import answers_of

_FILES = (
    ("results.csv", "Results (CSV)", "text/csv"),
    ("results.parquet", "Results (Parquet)", "application/vnd.apache.parquet"),
)


def show_results(batch: Batch) -> None:
    """The results to take along, what to know of them, and the first of them."""
    now = batch.progress
    _show_tiles(batch)
    with st.container(horizontal=True):
        for name, label, mime in _FILES:
            _download(batch, name, label, mime)
        if now.rejected:
            _download(batch, "rejects.csv", "Rows left out (CSV)", "text/csv")
    if now.scored:
        _show_notes(batch)
        if now.unusual:
            _show_unusual(batch)
        _show_answers(batch)
        _show_preview(batch)
    if now.rejected:
        _show_rejects(batch)


def _show_tiles(batch: Batch) -> None:
    now, model = batch.progress, batch.key[1]
    tiles = st.columns(6 if now.labelled else 5)
    tiles[0].metric("Cases scored", f"{now.scored:,}")
    tiles[1].metric("Rows left out", f"{now.rejected:,}", help="They could not be read; see below.")
    tiles[2].metric(
        "Unusual cases",
        f"{now.unusual:,}",
        help="Unlike all training cases, with a value far out of their range, or with a level that "
        "the model does not know. The column “Unusual” says what.",
    )
    tiles[3].metric(
        "Not one answer",
        "-" if now.coverage is None else f"{now.several:,}",
        help="Too few validation cases to tell."
        if now.coverage is None
        else f"At {now.coverage:.0%} coverage more than one answer is possible, or none stands: "
        "see the column “Possible”.",
    )
    if now.labelled:
        low, high = now.interval
        tiles[5].metric(
            "Known answers met",
            percent(now.right / now.labelled, 1),
            help=f"{now.right:,} of {now.labelled:,} (95%: {interval(low, high)}). It tells how "
            "good the model is only if none of these cases was trained on.",
        )
    mean = now.macs / max(now.scored, 1)
    tiles[4].metric(
        "Compute a case",
        flops(mean) if now.scored else "-",
        help=f"{percent(mean / cache.model(model).cost.total)} of what all experts on would cost.",
    )


def _show_notes(batch: Batch) -> None:
    """What to know before the answers are read, in sentences."""
    now, noun = batch.progress, cache.domain_of(batch.key[1]).case_noun
    if now.unusual:
        are = "is" if now.unusual == 1 else "are"
        st.warning(
            f"{now.unusual:,} of {text.counted(now.scored, text.plain(noun))} {are} unlike the "
            "training cases: take those answers with care."
        )
    if now.filled:
        named = text.few([f"{title} ({many:,})" for title, many in now.filled_in.items()])
        st.warning(
            f"{text.counted(now.filled, text.plain(noun))} had the training cases' median put in "
            f"where a number is missing, which no training case lacked: {text.plain(named)}."
        )
    if now.labelled:
        low, high = now.interval
        st.markdown(
            f"**{now.right:,} of {now.labelled:,} known answers are met** "
            f"({percent(now.right / now.labelled, 1)}; 95%: {interval(low, high)}). That tells how "
            "good the model is only if none of these cases was trained on."
        )
    if now.lacking:
        named = text.few([f"{title} ({many:,})" for title, many in now.lacking.items()])
        st.caption(f"Missing in the file: {text.plain(named)}.")
    for name in now.passed_over:
        st.caption(f"Column {text.plain(name)} holds neither text nor numbers: it is not read.")
    answers = text.plain(answers_of(cache.model(batch.key[1])).column) if now.with_labels else ""
    if now.labelled and now.strange:
        odd = ", ".join(f"{cell!r} in row {row:,}" for row, cell in now.first_strange)
        odd += " and so on" * (now.strange > len(now.first_strange))
        holds = "holds an answer" if now.strange == 1 else "hold answers"
        st.warning(
            f"{text.counted(now.strange, 'row')} {holds} in column {answers} that this model does "
            f"not know ({text.plain(odd)}); they are left out of the known answers above, and "
            "“Known” is empty."
        )
    elif now.with_labels and not now.labelled:
        st.caption(f"Column {answers} holds none of this model's classes: nothing to compare with.")


def _download(batch: Batch, name: str, label: str, mime: str) -> None:
    offer(
        label,
        batch.file(name).read_bytes,
        "scored file",
        file_name=f"{batch.key[1]}-{name}",
        mime=mime,
        key=f"score-{name}",
    )


def _show_answers(batch: Batch) -> None:
    now = batch.progress
    st.subheader("Answers")
    rows = [
        {"Answer": [title], "Cases": count, "Share": percent(count / now.scored, 1)}
        for title, count in now.answers.items()
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="content",
        alt="Cases by answer",
        column_config={"Answer": class_column(cache.domain_of(batch.key[1]))},
    )


def _answered(table: pd.DataFrame, domain: Domain) -> dict[str, Any]:
    """Columns of any list of cases: which it is, the answer, and how sure."""
    shown: dict[str, Any] = {"Row": table["row"]}
    if "id" in table:
        shown["Id"] = table["id"]
    answers = table["answer"].astype(str)
    shown["Answer"] = [[title] for title in answers]
    chances = {title: table[f"chance_{title}"] for title in domain.classes}
    shown["Chance"] = [chance(float(chances[one].iloc[k])) for k, one in enumerate(answers)]
    return shown


def _show_unusual(batch: Batch) -> None:
    """Cases unlike those of training, with what is unusual about them."""
    table, domain = batches.unusual(batch), cache.domain_of(batch.key[1])
    st.subheader("Unusual cases")
    st.dataframe(
        pd.DataFrame(_answered(table, domain) | {"Unusual": table["unusual"]}),
        hide_index=True,
        height=min(260, 36 * (len(table) + 1) + 3),
        alt="Cases unlike those of training, and what is unusual about them",
        column_config={
            "Answer": class_column(domain),
            "Unusual": st.column_config.TextColumn(width="large"),
        },
    )
    if len(table) < batch.progress.unusual:
        st.caption(f"The first {len(table):,}; the files mark all of them.")


def _show_preview(batch: Batch) -> None:
    now, model = batch.progress, batch.key[1]
    table, domain = batches.preview(batch), cache.domain_of(model)
    shown = _answered(table, domain)
    if now.coverage is not None:
        shown["Possible"] = table["set"].astype(str)
    if "missing" in table and table["missing"].notna().any():
        shown["Missing"] = table["missing"].astype(object).fillna("")
    if now.labelled:
        shown["Known"] = table["known"].astype(object).fillna("")
    told = table["told"].astype(str)
    pushed = "Adds most"
    shown[pushed] = batches.pushed_most(table, model)
    for concept in domain.concepts:
        unit = f" ({concept.unit})" if concept.unit else ""
        values = table[f"concept_{concept.name}"]
        shown[concept.title + unit] = values.round(max(concept.digits, 0))
    st.subheader("First cases" if now.scored > PREVIEW else "Cases")
    st.dataframe(
        pd.DataFrame(shown),
        hide_index=True,
        height=min(420, 36 * (len(table) + 1) + 3),
        alt="First cases with answer, chance, what adds most, and findings",
        column_config={
            "Answer": class_column(domain),
            "Possible": st.column_config.TextColumn(
                help=f"Answers that are left at {now.coverage or 0:.0%} coverage: of new cases "
                "drawn like the validation cases, so many have the true one among them."
            ),
            pushed: st.column_config.TextColumn(
                help="The finding that adds most to the log-odds"
                + (f" of {domain.classes[1]}" if told.nunique() == 1 else " of the answer")
                + ", up or down, against a typical known case. The files have all of them."
            ),
        },
    )
    st.caption(
        f"{len(table):,} of {now.scored:,} cases. {domain.concept_reading} The files hold every "
        "case, with what each finding adds to the log-odds, which experts ran and what it cost; "
        "the CSV is written as your table is, semicolons or commas, with its decimal sign."
    )


def _show_rejects(batch: Batch) -> None:
    now = batch.progress
    st.subheader("Rows left out")
    for reason, count in sorted(now.reasons.items(), key=lambda one: -one[1])[:8]:
        rows = "1 row" if count == 1 else f"{count:,} rows"
        st.markdown(f"- **{rows}**: {text.plain(reason)}.")
    table = pd.DataFrame(
        [
            (one.line, one.column, one.value, f"must {one.must}", one.remedy)
            for one in now.first_rejects
        ],
        columns=["Row", "Column", "Value", "Why", "What to do"],
    )
    st.dataframe(
        table,
        hide_index=True,
        alt="The first rows that could not be read, and why",
        column_config={"Value": st.column_config.TextColumn(width="small")},
    )
