"""Overview: can the numbers be trusted, does anything need somebody, and how far are the learners."""

from dashboards import page
from dashboards.page import Row, Section, View

VIEW = View(
    title="Overview",
    folder="overview",
    sections=(
        Section(
            "Can the numbers be trusted?",
            (Row(("unexplained_differences", "open_findings", "sources_up_to_date", "needs_grading")),),
        ),
        Section(
            "Needs attention",
            (Row(("findings_by_rule",)), Row(("grading_by_activity", "alerts"), widths=(3, 2))),
        ),
        Section(
            "Learning",
            (
                Row(("learners", "courses", "attempts", "course_completion")),
                Row(("attempts_over_time", "attempts_by_state"), widths=(2, 1)),
                Row(("completion_by_course",)),
            ),
        ),
        Section("Proof of grades", (Row(("quiz_parity", "gradebook_parity")),)),
        Section("Freshness", (Row(("freshness", "releases")),)),
    ),
)


def show() -> None:
    """Draw the page."""
    page.show(VIEW)
