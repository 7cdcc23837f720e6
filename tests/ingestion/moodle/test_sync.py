from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.errors import SourceError, UsageError

DAY = 86_400
T0 = 1_780_000_000


def landed(work: Any, stream: str, batch_id: int) -> pl.DataFrame:
    path = work.landing.path("campus", stream, batch_id)
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema={"id": pl.Int64, "_op": pl.String})


def test_the_first_sync_is_full_and_the_next_incremental_lands_nothing(site: Any, work: Any) -> None:
    site.insert("user", id=5, deleted=0, username="ana", email="ana@example.org", timecreated=T0)
    site.attempt(1, user=5, at=T0)
    first, second = work.sync(site.url), work.sync(site.url)
    assert (first.mode, first.reason) == ("full", "first_sync")
    assert (second.mode, second.reason, second.rows_landed, second.rows_deleted) == ("incremental", "normal", 0, 0)
    assert second.manifest.has_rows is False


def test_a_changed_row_without_any_time_column_moved_lands(site: Any, work: Any) -> None:
    site.insert("course_modules", id=1, course=2, module=1, instance=1, visible=1, completion=2, added=T0)
    work.sync(site.url)
    site.update("course_modules", "id = 1", visible=0)
    report = work.sync(site.url)
    assert report.rows_landed == 1
    assert landed(work, "course_modules", 2)["visible"].to_list() == [0]


def test_an_updated_row_of_a_watermark_table_lands_once_despite_the_overlap(site: Any, work: Any) -> None:
    for number in range(1, 21):
        site.insert("user_enrolments", id=number, enrolid=1, userid=number, status=0, timemodified=T0)
    work.sync(site.url)
    site.update("user_enrolments", "id = 7", status=1, timemodified=T0 + 5)
    entry = work.sync(site.url).manifest.streams["user_enrolments"].ledger
    assert (entry.received, entry.accepted, entry.duplicate) == (20, 1, 19)


@pytest.mark.parametrize(
    "table", ["quiz_grades", "user_enrolments", "course_modules_completion", "quiz_attempts", "course"]
)
def test_a_hard_delete_is_found_in_the_next_incremental_sync(site: Any, work: Any, table: str) -> None:
    for number in (1, 2):
        time = {} if table == "course" else {"timemodified": T0 - 90 * DAY}
        site.insert(table, id=number, **time)
    site.insert(table, id=3, **({} if table == "course" else {"timemodified": T0}))
    work.sync(site.url)
    site.delete(table, "id = 1")
    report = work.sync(site.url)
    deleted = landed(work, table, 2)
    assert report.rows_deleted == 1
    assert deleted.select("id", "_op").rows() == [(1, "delete")]


def test_a_purge_of_the_log_is_no_delete(site: Any, work: Any) -> None:
    for number in range(1, 6):
        site.insert("logstore_standard_log", id=number, component="mod_quiz", eventname="e", timecreated=T0)
    work.sync(site.url)
    site.delete("logstore_standard_log", "id < 4")
    site.insert("logstore_standard_log", id=6, component="mod_quiz", eventname="e", timecreated=T0)
    report = work.sync(site.url)
    assert (report.rows_landed, report.rows_deleted) == (1, 0)


def test_log_rows_of_other_components_are_not_read(site: Any, work: Any) -> None:
    site.insert(
        "logstore_standard_log", id=1, component="core", eventname="\\core\\event\\user_loggedin", timecreated=T0
    )
    site.insert(
        "logstore_standard_log", id=2, component="core", eventname="\\core\\event\\course_reset_ended", timecreated=T0
    )
    work.sync(site.url)
    assert landed(work, "logstore_standard_log", 1)["id"].to_list() == [2]


def test_a_late_log_row_with_a_lower_id_is_still_found(site: Any, work: Any) -> None:
    site.insert("logstore_standard_log", id=10, component="mod_quiz", eventname="e", timecreated=T0)
    work.sync(site.url)
    site.insert("logstore_standard_log", id=9, component="mod_quiz", eventname="e", timecreated=T0)
    assert work.sync(site.url).rows_landed == 1


@pytest.mark.parametrize("mover", ["quiz_attempts", "question_attempts"])
def test_a_usage_is_read_whole_when_either_watermark_moved(site: Any, work: Any, mover: str) -> None:
    site.attempt(1, user=5, at=T0)
    site.attempt(2, user=6, at=T0 + 90 * DAY)
    work.sync(site.url)
    # A regrade rewrites a step in place under its old time; only one of the two watermarks tells.
    site.update("question_attempt_steps", "id = 111", state="gradedwrong", fraction="0.0000000")
    site.update(mover, "id = 1" if mover == "quiz_attempts" else "id = 11", timemodified=T0 + 91 * DAY)
    report = work.sync(site.url)
    steps = landed(work, "question_attempt_steps", 2)
    assert steps.select("id", "questionusageid", "state").rows() == [(111, 1, "gradedwrong")]
    assert report.manifest.streams["question_attempt_steps"].ledger.received < 8 + 1


def test_an_autosave_step_that_the_real_step_replaced_is_deleted(site: Any, work: Any) -> None:
    site.attempt(1, user=5, at=T0, slots=1)
    site.insert(
        "question_attempt_steps", id=900, questionattemptid=11, sequencenumber=-2, state="complete", timecreated=T0
    )
    work.sync(site.url)
    site.delete("question_attempt_steps", "id = 900")
    site.insert(
        "question_attempt_steps", id=901, questionattemptid=11, sequencenumber=2, state="complete", timecreated=T0
    )
    site.update("question_attempts", "id = 11", timemodified=T0 + 1)
    work.sync(site.url)
    assert landed(work, "question_attempt_steps", 2).select("id", "_op").sort("id").rows() == [
        (900, "delete"),
        (901, "upsert"),
    ]


def test_the_children_of_a_deleted_attempt_go_with_it(site: Any, work: Any) -> None:
    site.attempt(1, user=5, at=T0, slots=2)
    site.attempt(2, user=6, at=T0, slots=2)
    work.sync(site.url)
    for table, where in {
        "question_attempt_steps": "questionattemptid in (11, 12)",
        "question_attempts": "questionusageid = 1",
        "question_usages": "id = 1",
        "quiz_attempts": "id = 1",
    }.items():
        site.delete(table, where)
    report = work.sync(site.url)
    assert report.rows_deleted == 4 + 2 + 1 + 1
    work.load()
    assert work.rows("select distinct questionusageid from landing.moodle_question_attempt_steps") == [(2,)]


def test_a_row_stamped_in_the_future_does_not_hide_later_changes(site: Any, work: Any) -> None:
    site.insert("quiz_grades", id=1, quiz=1, userid=1, grade="5.00000", timemodified=9_999_999_999)
    work.sync(site.url)
    site.insert("quiz_grades", id=2, quiz=1, userid=2, grade="5.00000", timemodified=4_000_000_000)
    assert work.sync(site.url).rows_landed == 1


def test_a_value_that_its_type_cannot_hold_is_quarantined_once_and_the_last_good_version_stays(
    site: Any, work: Any
) -> None:
    for number in (1, 2):
        site.insert("quiz_grades", id=number, quiz=1, userid=number, grade="5.00000", timemodified=T0)
    work.sync(site.url)
    site.update("quiz_grades", "id = 2", grade="NaN", timemodified=T0 + 1)
    second, third = work.sync(site.url), work.sync(site.url, mode="full")
    ledger = second.manifest.streams["quiz_grades"].ledger
    assert (ledger.received, ledger.quarantined, ledger.accepted) == (2, 1, 0)
    assert (second.rows_deleted, third.rows_deleted, third.rows_landed) == (0, 0, 0)
    rejected = landed(work, "quarantine", 2).select("table", "key", "reason", "pointer", "sample").rows()
    assert rejected == [("quiz_grades", "2", "value_out_of_contract", "grade", "NaN")]
    work.load()
    assert work.rows("select id, grade::varchar from landing.moodle_quiz_grades order by id") == [
        (1, "5.00000"),
        (2, "5.00000"),
    ]


def test_essay_text_never_lands(site: Any, work: Any) -> None:
    site.attempt(1, user=5, at=T0)
    work.sync(site.url)
    answers = landed(work, "question_attempts", 1)
    assert "responsesummary" not in answers.columns
    assert answers["responsesummary_length"].to_list() == [9, 9]
    assert answers["responsesummary_sha256"].str.len_chars().unique().to_list() == [64]


def test_side_files_can_be_lost_at_any_time(site: Any, work: Any) -> None:
    site.insert("user", id=5, deleted=0, username="ana", email="ana@example.org", timecreated=T0)
    site.attempt(1, user=5, at=T0)
    work.sync(site.url)
    states = work.folder / "state" / "campus"
    file = states / "keys.duckdb"

    def tear(at: int) -> None:
        data = bytearray(file.read_bytes())
        data[at : at + 4096] = b"x" * 4096
        file.write_bytes(data)

    damages: list[Callable[[], object]] = [
        file.unlink,
        lambda: file.write_bytes(b""),
        lambda: file.write_bytes(b"torn"),
        lambda: file.write_bytes(file.read_bytes()[:-5000]),
        *(lambda at=at: tear(at) for at in range(0, file.stat().st_size - 4096, file.stat().st_size // 8)),
    ]
    for damage in damages:
        damage()
        report = work.sync(site.url, mode="full")
        assert (report.rows_landed, report.rows_deleted) == (0, 0)


def test_side_files_of_an_older_batch_are_not_believed(site: Any, work: Any) -> None:
    site.insert("course", id=2, shortname="a")
    work.sync(site.url)
    states = work.folder / "state" / "campus"
    kept = {path.name: path.read_bytes() for path in states.iterdir()}
    site.update("course", "id = 2", shortname="b")
    work.sync(site.url)
    for name, data in kept.items():
        (states / name).write_bytes(data)
    assert work.sync(site.url).rows_landed == 0


def test_as_of_overrides_the_clock_in_the_manifest_only(site: Any, work: Any, noon: datetime) -> None:
    manifest = work.sync(site.url, as_of=noon).manifest
    assert manifest.as_of == noon
    assert manifest.extracted_at != noon


def test_keys_above_the_row_limit_wait_for_reconcile(site: Any, work: Any) -> None:
    for number in range(5):
        site.insert("user_enrolments", id=number, enrolid=1, userid=number, timemodified=T0 - DAY)
    site.insert("user_enrolments", id=9, enrolid=1, userid=9, timemodified=T0)
    few = {"delete_check_max_rows": 3}
    work.sync(site.url, options=few)
    site.delete("user_enrolments", "id = 1")
    hourly, nightly = work.sync(site.url, options=few), work.sync(site.url, options=few, reconcile=True)
    assert (hourly.rows_deleted, nightly.rows_deleted) == (0, 1)
    assert "keys of user_enrolments not compared: more than delete_check_max_rows" in hourly.notes


def test_an_edit_that_moved_no_time_is_found_by_reconcile(site: Any, work: Any) -> None:
    site.insert("user_enrolments", id=1, enrolid=1, userid=1, status=0, timemodified=T0 - DAY)
    site.insert("user_enrolments", id=2, enrolid=1, userid=2, status=0, timemodified=T0)
    work.sync(site.url)
    site.update("user_enrolments", "id = 1", status=1)
    hourly, nightly = work.sync(site.url), work.sync(site.url, reconcile=True)
    assert (hourly.rows_landed, nightly.rows_landed) == (0, 1)


def test_a_stored_grade_edited_past_moodle_is_found_at_once(site: Any, work: Any) -> None:
    for number in (1, 2):
        site.insert("quiz_grades", id=number, quiz=1, userid=number, grade="5.00000", timemodified=T0 - number * DAY)
    work.sync(site.url)
    site.update("quiz_grades", "id = 2", grade="6.00000")
    assert work.sync(site.url).rows_landed == 1


def test_another_prefix_works(make_site: Callable[..., Any], work: Any) -> None:
    site = make_site(prefix="moodle2_")
    site.insert("course", id=2, shortname="a")
    assert work.sync(site.url, options={"prefix": "moodle2_"}).manifest.streams["course"].rows == 1


def test_absent_optional_tables_and_columns_are_noted(make_site: Callable[..., Any], work: Any) -> None:
    site = make_site(without=("company", "quiz_grade_items", "quiz.duedate", "quiz_slots.displaynumber"))
    notes = work.sync(site.url).notes
    assert "table company is absent" in notes
    assert "table quiz_grade_items is absent (Moodle 4.4 brought it)" in notes
    assert "column quiz.duedate is absent (Moodle 5.0 brought it)" in notes


def test_a_table_that_vanishes_keeps_what_had_landed(site: Any, work: Any) -> None:
    site.insert("company", id=1, name="Acme", shortname="acme")
    work.sync(site.url)
    site.connection.execute("drop table mdl_company")
    report = work.sync(site.url)
    assert report.rows_deleted == 0
    work.load()
    assert work.rows("select name from landing.moodle_company") == [("Acme",)]


@pytest.mark.parametrize(
    ("options", "without", "sentence"),
    [
        (
            {"prefix": "xyz_"},
            (),
            "No table of source campus begins with the prefix 'xyz_'; its Moodle tables begin with 'mdl_'.",
        ),
        ({}, ("quiz_attempts",), "has no table mdl_quiz_attempts: check its prefix"),
        ({}, ("quiz.grade",), "Table mdl_quiz of source campus has no column grade:"),
        ({}, ("quiz_overrides.id",), "Table mdl_quiz_overrides of source campus has no column id:"),
        ({"prefix": "mdl-"}, (), "may hold letters, digits and underscores only"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    make_site: Callable[..., Any], work: Any, options: dict, without: tuple, sentence: str
) -> None:
    site = make_site(without=without)
    with pytest.raises(UsageError) as caught:
        work.sync(site.url, options=options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert work.landing.newest("campus") is None


def test_a_site_that_is_no_database_is_one_sentence(work: Any, tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("this is no database at all" * 100)
    for url in (f"sqlite:///{tmp_path}/absent.sqlite", f"sqlite:///{tmp_path}/text.sqlite"):
        with pytest.raises(SourceError, match=r"^Source campus cannot be read: [^\n]+\.$"):
            work.sync(url)
    (tmp_path / "empty.sqlite").write_bytes(b"")
    with pytest.raises(UsageError, match="shows no tables"):
        work.sync(f"sqlite:///{tmp_path}/empty.sqlite")


def test_a_failure_in_the_middle_commits_nothing_and_leaves_no_file(site: Any, work: Any) -> None:
    site.insert("course", id=2, shortname="a")

    def stop(table: str, rows: int) -> None:
        if table == "grade_items":
            raise SourceError("the line went dead")

    site.insert("grade_items", id=1, courseid=2, itemtype="course")
    with pytest.raises(SourceError):
        work.sync(site.url, progress=stop)
    assert work.landing.newest("campus") is None
    assert not list((work.folder / "landing").rglob("*.parquet"))


def test_the_manifest_holds_no_url(site: Any, work: Any) -> None:
    work.sync(site.url)
    for path in (work.folder / "landing" / "campus" / "_batches").glob("*.json"):
        assert str(site.path) not in path.read_text()
        assert json.loads(path.read_text())["source"] == "campus"


def test_every_version_of_a_setting_is_in_the_landing_with_the_moment_it_was_seen(
    site: Any, work: Any, noon: datetime
) -> None:
    site.insert("config", id=1, name="grade_minmaxtouse", value="1")
    site.insert("config", id=2, name="supportemail", value="not on the list")
    site.insert("config_plugins", id=1, plugin="mod_quiz", name="version", value="2024042200")
    moments = [noon + timedelta(hours=hour) for hour in range(5)]
    changes: list[Callable[[], None]] = [
        lambda: None,
        lambda: site.update("config", "id = 1", value="2"),
        lambda: site.update("config_plugins", "id = 1", value="2025041400"),
        lambda: site.update("config", "id = 1", value="1"),
        lambda: site.delete("config", "id = 1"),
    ]
    for moment, change in zip(moments, changes, strict=True):
        change()
        work.sync(site.url, as_of=moment)
    as_of = {manifest.batch_id: manifest.as_of for manifest in work.landing.manifests("campus")}

    def versions(stream: str) -> list[tuple[Any, ...]]:
        found = []
        for batch_id in as_of:
            if stream in work.landing.files("campus", batch_id):
                for row in landed(work, stream, batch_id).to_dicts():
                    found.append((as_of[row["_batch_id"]], row["_op"], row["name"], row["value"]))
        return found

    assert versions("config") == [
        (moments[0], "upsert", "grade_minmaxtouse", "1"),
        (moments[1], "upsert", "grade_minmaxtouse", "2"),
        (moments[3], "upsert", "grade_minmaxtouse", "1"),
        (moments[4], "delete", None, None),
    ]
    assert versions("config_plugins") == [
        (moments[0], "upsert", "version", "2024042200"),
        (moments[2], "upsert", "version", "2025041400"),
    ]
