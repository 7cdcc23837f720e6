"""The overview on small releases: what a reader sees, filters, and releases that are absent, torn or new."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.published import NothingPublishedError, current_release, published_folder
from dashboards.tile import load
from dashboards.views import overview
from tests.dashboards.institution import RELEASED_AT, Institution, attempt, finding, grade, place, usual

Show = Callable[[Path], AppTest]


def words(app: AppTest) -> str:
    """All that the page says, outside what unfolds only on demand."""
    assert not app.exception
    bodies = [block.body for block in app.html if "<style" not in block.body]
    bodies = [re.sub(r"<details>.*?</details>", " ", body, flags=re.DOTALL) for body in bodies]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)) for body in bodies)


def tile(app: AppTest, name: str) -> str:
    """What one tile says, its title left out; spaces are single."""
    title = load("overview", name).title
    for block in app.html:
        if re.search(f"<h3>{re.escape(html.escape(title))}( <span|</h3>)", block.body):
            body = re.sub(r"<details>.*?</details>", " ", block.body, flags=re.DOTALL)
            text = html.unescape(re.sub(r"<[^>]*>", " ", body)).replace(title, "", 1)
            return " ".join(text.split())
    raise AssertionError(f"the page does not show {name}")


@pytest.fixture
def usual_page(show: Show, usual_institution: Institution) -> AppTest:
    return show(usual_institution.published)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unexplained_differences", "0 differences Good news: each of 3 grades agrees or has a known reason."),
        ("open_findings", "0 findings Good news: nothing breaks a rule."),
        ("sources_up_to_date", "1 source The only one there is."),
        ("needs_grading", "1 attempt In 1 quiz; the oldest since 10 Mar 2026."),
        ("learners", "3 learners In 3 places (one learner in one course is one place)."),
        ("courses", "2 courses With learners, of 2 in all."),
        ("attempts", "4 attempts By 2 accounts in 1 activity."),
        ("course_completion", "50 % 1 of 2 places."),
        ("attempts_by_state", "attempts Completed 2 Abandoned 1 In progress 1"),
        ("grading_by_activity", "Quiz Course Waiting attempts Oldest handed in Midterm Algebra 1 10 Mar 2026"),
        ("alerts", "No open alerts."),
        (
            "quiz_parity",
            "Outcome Reason Grades Share Equal Nothing to explain 2 100 %",
        ),
        (
            "gradebook_parity",
            "Outcome Reason Grades Share Equal Nothing to explain 2 66.7 % Different Overridden 1 33.3 %",
        ),
        (
            "completion_by_course",
            "Course Learners Completed learners Completed, share Mean progress"
            " Algebra 2 1 50 % 75 % Biology & <Life> 1 none none none",
        ),
        (
            "freshness",
            "Source Verdict Data as of Last successful sync"
            " campus Up to date 16 Mar 2026, 06:00 UTC 16 Mar 2026, 07:30 UTC",
        ),
    ],
)
def test_a_tile_shows_its_values_with_their_units(usual_page: AppTest, name: str, said: str) -> None:
    assert tile(usual_page, name) == said


def test_the_heading_names_the_release_its_time_and_the_time_of_the_data(usual_page: AppTest) -> None:
    assert "Overview Release 1, published 16 Mar 2026, 07:30 UTC, with data as of 16 Mar 2026, 06:00 UTC" in " ".join(
        words(usual_page).split()
    )


def test_names_from_a_source_are_shown_as_text_and_never_as_markup(usual_page: AppTest) -> None:
    assert any("Biology &amp; &lt;Life&gt;" in block.body for block in usual_page.html)
    assert not any("<Life>" in block.body for block in usual_page.html)


def test_the_line_of_weeks_has_zero_where_nobody_began_and_leaves_the_unfinished_week_out(usual_page: AppTest) -> None:
    (chart,) = usual_page.get("vega_lite_chart")
    shown = pyarrow.ipc.open_stream(chart.proto.data.data).read_all().to_pylist()
    assert [(point["on"], point["shown"]) for point in shown] == [
        ("23 Feb 2026", "1 attempt"),
        ("2 Mar 2026", "0 attempts"),
        ("9 Mar 2026", "2 attempts"),
    ]


def test_every_tile_of_an_empty_release_shows_its_empty_state_and_no_zero(
    show: Show, empty_institution: Institution
) -> None:
    app = show(empty_institution.published)
    empty = [name for name in overview.VIEW.tile_names() if load("overview", name).empty in tile(app, name)]
    # These three always know something: nothing broken, one source, one release.
    assert set(overview.VIEW.tile_names()) - set(empty) == {
        "open_findings",
        "sources_up_to_date",
        "freshness",
        "releases",
    }
    assert tile(app, "learners").startswith("none ")


def test_unexplained_differences_and_findings_come_with_what_to_do(show: Show, institution: Institution) -> None:
    rows = usual()
    rows["fct_grades"] += [
        grade("dee", parity="mismatch", gradebook_parity="mismatch"),
        grade("eva", gradebook_parity="missing_in_lms"),
    ]
    minor = {"severity": "warning", "rule": "orphaned_attempt", "title": "An attempt lost its quiz"}
    rows["rpt_anomalies"] = [finding(1), finding(2, course_key="campus:2"), finding(3, **minor), finding(4)]
    waived = pl.DataFrame({"anomaly_key": ["grade_mismatch:4", "grade_mismatch:1"], "status": ["waived", "open"]})
    institution.release(rows, findings=waived)
    app = show(institution.published)
    assert tile(app, "unexplained_differences") == "2 differences Of 5 grades. See the open findings below."
    assert tile(app, "open_findings") == "3 findings 2 of them serious. What to do is listed below."
    assert tile(app, "findings_by_rule") == (
        "Severity Finding Open findings In courses Latest What to do"
        " Serious A grade differs 2 2 2 Mar 2026 Regrade the quiz."
        " Minor An attempt lost its quiz 1 1 2 Mar 2026 Regrade the quiz."
    )
    assert "Different Unexplained 1 25 %" in tile(app, "quiz_parity")
    assert tile(app, "gradebook_parity").startswith("Outcome Reason Grades Share Different Unexplained 1 20 %")


def test_the_course_filter_narrows_tiles_and_marks_those_that_cannot_follow(
    show: Show, usual_institution: Institution
) -> None:
    app = show(usual_institution.published)
    app.selectbox(key="Course").select("campus:2").run()
    assert tile(app, "learners").startswith("1 learner In 1 place")
    assert tile(app, "needs_grading").startswith("none There are no quiz attempts yet.")
    assert tile(app, "freshness").startswith("not filtered")
    app.selectbox(key="Course").select("").run()
    assert tile(app, "learners").startswith("3 learners")
    assert not tile(app, "freshness").startswith("not filtered")


def test_the_company_filter_shows_its_members_only(show: Show, usual_institution: Institution) -> None:
    app = show(usual_institution.published)
    app.selectbox(key="Company").select("campus:9").run()
    assert tile(app, "learners").startswith("1 learner In 1 place")
    assert tile(app, "attempts_by_state") == "attempts Completed 1"


def test_filters_with_nothing_to_choose_are_left_out(show: Show, institution: Institution) -> None:
    rows = usual()
    institution.release(rows | {"dim_companies": [], "dim_courses": rows["dim_courses"][:1]})
    assert [box.label for box in show(institution.published).selectbox] == []


@pytest.mark.parametrize(
    ("stale_reason", "hours", "verdict", "count"),
    [
        (None, 1, "Up to date", "1 source"),
        (None, 25.9, "Up to date", "1 source"),
        (None, 26.1, "Not synced for more than a day", "0 sources"),
        ("its last sync failed", 1, "Last sync failed", "0 sources"),
        ("it is disabled", 1, "Disabled", "0 sources"),
        ("it is no longer configured", 1, "No longer configured", "0 sources"),
    ],
)
def test_a_source_that_did_not_come_in_is_told(
    show: Show,
    at_release: Callable[[datetime], None],
    institution: Institution,
    stale_reason: str | None,
    hours: float,
    verdict: str,
    count: str,
) -> None:
    institution.release({"dim_courses": usual()["dim_courses"]})
    institution.status(stale_reason)
    at_release(RELEASED_AT + timedelta(hours=hours))
    app = show(institution.published)
    assert f"campus {verdict} " in tile(app, "freshness")
    assert tile(app, "sources_up_to_date").startswith(count)


def test_without_status_the_release_itself_tells_how_fresh_it_is(show: Show, institution: Institution) -> None:
    runs = pl.DataFrame(
        {"source": ["campus", "campus"], "status": ["succeeded", "failed"], "finished_at": [RELEASED_AT, None]}
    )
    stale = pl.DataFrame({"source": ["campus"], "stale_reason": ["its last sync failed"]})
    institution.release({}, sync_runs=runs, freshness=stale)
    said = tile(show(institution.published), "freshness")
    assert "campus Last sync failed" in said
    assert said.endswith("16 Mar 2026, 07:30 UTC")


def test_alerts_and_a_hold_are_shown(show: Show, institution: Institution) -> None:
    institution.release({})
    alert = {
        "severity": "error",
        "title": "A release was blocked",
        "detail": "Keys doubled.",
        "opened_at": "2026-03-16",
    }
    institution.status(alerts=[alert], hold="Releases are held.")
    said = tile(show(institution.published), "alerts")
    assert "A release was blocked Keys doubled. 16 Mar 2026 New releases are on hold Releases are held. none" in said


def test_a_damaged_status_is_as_good_as_none(show: Show, institution: Institution) -> None:
    institution.release({})
    for content in ("", "{", "[]", '{"sources": []}', '{"sources": {"campus": 3}}', '{"alerts": [{"opened_at": "?"}]}'):
        (institution.published / "status.json").write_text(content)
        assert "campus Up to date 16 Mar 2026, 06:00 UTC none" in tile(show(institution.published), "freshness")


def test_without_a_release_the_page_says_which_command_to_run(show: Show, tmp_path: Path) -> None:
    said = words(show(tmp_path / "published"))
    assert "Nothing is published yet" in said
    assert "rollbook run" in said
    assert str(tmp_path / "published") in said


@pytest.mark.parametrize("torn", ["no manifest", "half a manifest", "no database", "half a database", "no release"])
def test_a_torn_release_is_one_sentence(show: Show, institution: Institution, torn: str) -> None:
    institution.release(usual())
    folder = institution.published / "releases" / "00000001"
    manifest, database = folder / "manifest.json", folder / "rollbook.duckdb"
    match torn:
        case "no manifest":
            manifest.unlink()
        case "half a manifest":
            manifest.write_bytes(manifest.read_bytes()[:100])
        case "no database":
            database.unlink()
        case "half a database":
            database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
        case "no release":
            shutil.rmtree(folder)
    said = words(show(institution.published))
    assert "The current release cannot be read" in said
    assert "rollbook verify 1" in said
    assert "Traceback" not in said


def test_a_new_release_is_picked_up_on_the_next_rerun_whole(show: Show, institution: Institution) -> None:
    rows = usual()
    institution.release(rows)
    app = show(institution.published)
    app.selectbox(key="Course").select("campus:2").run()
    rows["dim_courses"] = rows["dim_courses"][:1]
    rows["fct_course_completions"].append(place("dee", "campus:1", percentage=10.0))
    rows["fct_attempts"].append(attempt(6, "dee", "2026-03-12 09:00:00+00"))
    assert institution.release(rows, hour=1) == 2
    app.run()
    said = words(app)
    assert "Release 2, published 16 Mar 2026, 08:30 UTC" in said
    assert "Release 1, " not in said
    assert tile(app, "learners").startswith("4 learners")
    assert tile(app, "attempts").startswith("5 attempts")


def test_a_release_that_is_let_go_while_the_page_is_drawn_gives_way_to_the_newer_one(
    show: Show, institution: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    institution.release(usual())
    from dashboards import page

    resolve, moves = current_release, [1]

    def resolve_late(published: Path) -> object:
        release = resolve(published)
        if moves:
            moves.clear()
            institution.release(usual() | {"dim_companies": []}, hour=1)
            shutil.rmtree(release.folder)
        return release

    monkeypatch.setattr(page, "current_release", resolve_late)
    assert "Release 2, " in words(show(institution.published))


def test_the_folder_is_the_named_one_else_the_first_usual_one_with_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usual_institution: Institution
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROLLBOOK_PUBLISHED", raising=False)
    assert published_folder() == tmp_path / "data" / "published"
    (tmp_path / "demo" / "data").mkdir(parents=True)
    (tmp_path / "demo" / "data" / "published").symlink_to(usual_institution.published)
    assert published_folder() == tmp_path / "demo" / "data" / "published"
    assert current_release(published_folder()).release_id == 1
    monkeypatch.setenv("ROLLBOOK_PUBLISHED", str(tmp_path))
    with pytest.raises(NothingPublishedError):
        current_release(published_folder())
