"""The case on one sheet of paper."""

from datetime import date

import streamlit as st

from dashboard import cache, cache_case
from dashboard.figures.pictures import thumbnail
from dashboard.printing.sheet import Sheet, write_sheet
from dashboard.state import View
from dashboard.widgets import sets
from dashboard.widgets.download import offer


def show_report(view: View, case_id: str) -> None:
    """A button that offers the page as PDF and as HTML; neither is written before it is asked."""
    coverage, _ = sets.chosen()  # now: the file is written outside of the session
    with st.popover("Report", width="stretch", help="This case on one page, to print or to file"):
        for name, ending, mime in (
            ("PDF", "pdf", "application/pdf"),
            ("HTML", "html", "text/html"),
        ):
            offer(
                f"Download as {name}",
                lambda ending=ending: written(view, case_id, coverage, ending),
                f"report of {case_id}",
                file_name=f"{view.model}-{case_id}.{ending}",
                mime=mime,
                key=f"report-{ending}",
                width="stretch",
            )


def sheet_of(view: View, case_id: str, coverage: float) -> Sheet:
    """What the page says of the case on screen, changes by hand included."""
    domain = cache.domain_of(view.model)
    image = domain.modality == "image"
    return write_sheet(
        cache_case.report(view.model, case_id, view.policy, coverage),
        domain,
        cache.model(view.model),
        date.today().isoformat(),
        thumbnail(cache.picture(view.model, case_id), 8) if image else None,
    )


def written(view: View, case_id: str, coverage: float, ending: str) -> bytes:
    """The file asked for."""
    if ending == "pdf":
        # Imported here, so that the first page does not wait for it.
        from dashboard.printing.pdf import to_pdf

        return to_pdf(sheet_of(view, case_id, coverage))
    from dashboard.printing.html import to_html

    return to_html(sheet_of(view, case_id, coverage)).encode()
