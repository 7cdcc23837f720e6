"""A small candidate: landing's files, the warehouse's landing tables and the marts, all of them in agreement."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving.audit import AuditReport, run_audit

CHECKED_AT = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)

PRIMARY_KEYS = {
    "dim_activities": "activity_key",
    "dim_users": "user_key",
    "fct_activity_completions": "completion_key",
    "fct_attempt_events": "event_key",
    "fct_attempts": "attempt_key",
    "fct_course_completions": "course_completion_key",
    "fct_course_grades": "course_grade_key",
    "fct_enrolments": "enrolment_key",
    "fct_gradebook_grades": "gradebook_grade_key",
    "fct_grades": "grade_key",
    "rpt_anomalies": "anomaly_key",
    "rpt_course_progress": "progress_key",
}

# 100 users, quizzes 1 to 4 (highest, average, first, last) out of 10 marks and 100 points, two attempts each and a
# preview of user 1; every twentieth user's second attempt waits for grading, every seventh abandoned it.
_LANDING = """
create schema landing;
create schema intermediate;
create schema marts;

create table landing.sources as
select 'campus' as source, 'moodle' as kind, 'https://campus.example' as site_url,
    timestamptz '2026-10-01 05:00:00+00' as as_of, 2::bigint as batch_id;
create table landing.user_keys as
select 'campus' as source, id as user_id, md5('u' || id) as user_key from range(1, 101) t(id);
create table landing.moodle_config as
select 'campus' as _source, 1::bigint as _batch_id, 1::bigint as id, 'unlimitedgrades' as name, '0' as value;
create table landing.moodle_course as
select 'campus' as _source, 1::bigint as _batch_id, id, case when id = 1 then 0 else 1 end as category
from range(1, 3) t(id);
create table landing.moodle_modules as
select 'campus' as _source, 1::bigint as _batch_id, 17::bigint as id, 'quiz' as name;
create table landing.moodle_course_modules as
select 'campus' as _source, 1::bigint as _batch_id, 10 + id as id, 17::bigint as module, id as instance
from range(1, 5) t(id);
create table landing.moodle_quiz as
select 'campus' as _source, 1::bigint as _batch_id, id, id as grademethod,
    100::decimal(18, 5) as grade, 10::decimal(18, 5) as sumgrades
from range(1, 5) t(id);
create table landing.moodle_quiz_attempts as
select 'campus' as _source, case when u.id > 50 then 2 else 1 end::bigint as _batch_id,
    u.id * 100 + q.id * 10 + n.id as id, q.id as quiz, u.id as userid, n.id as attempt,
    u.id * 100 + q.id * 10 + n.id as uniqueid, case when n.id = 3 then 1 else 0 end::bigint as preview,
    case when n.id = 2 and u.id % 7 = 0 then 'abandoned' else 'finished' end as state,
    1790000000 + u.id as timestart, 1790003600 + u.id as timefinish,
    case when n.id = 2 and (u.id % 20 = 0 or u.id % 7 = 0) then null
        else ((u.id * 7 + q.id * 3 + n.id * 5) % 11) end::decimal(18, 5) as sumgrades
from range(1, 101) u(id), range(1, 5) q(id), range(1, 4) n(id)
where n.id < 3 or u.id = 1;
create table landing.moodle_question_attempts as
select 'campus' as _source, 1::bigint as _batch_id, a.uniqueid * 10 + s.id as id, a.uniqueid as questionusageid,
    s.id as slot, 5::decimal(20, 7) as maxmark, 0::decimal(20, 7) as minfraction, 1::decimal(20, 7) as maxfraction
from landing.moodle_quiz_attempts a, range(1, 3) s(id);
create table landing.moodle_logstore_standard_log as
select 'campus' as _source, 1::bigint as _batch_id, 10 * a.id + w.n as id,
    '\\mod_quiz\\event\\attempt_' || case when a.preview = 1 then 'preview_started' else w.word end as eventname,
    'mod_quiz' as component, a.id as objectid, a.userid as relateduserid, 'null' as other,
    case w.n when 1 then a.timestart else a.timefinish end as timecreated
from landing.moodle_quiz_attempts a, (values (1, 'started'), (2, 'submitted')) w(n, word)
where a.preview = 0 or w.n = 1;
create table landing.moodle_exelearning (_source varchar, id bigint, grademin decimal(18, 5));
create table landing.moodle_exelearning_attempt (_source varchar, id bigint, exelearningid bigint, userid bigint,
    attempt bigint, itemnumber bigint, rawscore decimal(18, 5), maxscore decimal(18, 5), scaledscore decimal(18, 5));
create table landing.moodle_scorm_attempt (_source varchar, id bigint, scormid bigint, userid bigint, attempt bigint);
create table landing.moodle_scorm_scoes_track as from landing.moodle_scorm_attempt;
create table landing.moodle_quiz_grades as
with chosen as (
    select quiz, userid, max(sumgrades) as highest, avg(sumgrades) as average,
        arg_max_null(sumgrades, -attempt) as first, arg_max_null(sumgrades, attempt) as last
    from landing.moodle_quiz_attempts where preview = 0 group by quiz, userid
)
select 'campus' as _source, case when userid > 50 then 2 else 1 end::bigint as _batch_id, quiz * 1000 + userid as id,
    quiz, userid,
    (10 * case quiz when 1 then highest when 2 then average when 3 then first else last end)::decimal(18, 5) as grade
from chosen
where case quiz when 1 then highest when 2 then average when 3 then first else last end is not null;
create table landing.moodle_grade_items as
select 'campus' as _source, 1::bigint as _batch_id, id, case when id = 5 then 'course' else 'mod' end as itemtype,
    case when id < 5 then id end as iteminstance, 2::bigint as courseid, 0::decimal(18, 5) as grademin,
    100::decimal(18, 5) as grademax, 0::bigint as locked, 0::bigint as locktime
from range(1, 6) t(id);
create table landing.moodle_grade_grades as
select 'campus' as _source, case when u.id > 50 then 2 else 1 end::bigint as _batch_id, i.id * 1000 + u.id as id,
    i.id as itemid, u.id as userid,
    0::decimal(18, 5) as rawgrademin, 100::decimal(18, 5) as rawgrademax, 0::bigint as overridden,
    0::bigint as locked, 0::bigint as locktime,
    case when i.id = 5 then 50 else g.grade end::decimal(18, 5) as finalgrade
from range(1, 101) u(id), range(1, 6) i(id)
left join landing.moodle_quiz_grades g on g.quiz = i.id and g.userid = u.id;
create table landing.moodle_course_modules_completion as
select 'campus' as _source, case when u.id > 50 then 2 else 1 end::bigint as _batch_id, m.id * 1000 + u.id as id,
    m.id as coursemoduleid, u.id as userid, (u.id % 4)::bigint as completionstate
from range(1, 101) u(id), range(11, 15) m(id) where u.id % 3 <> 0;
create table landing.moodle_enrol as
select 'campus' as _source, 1::bigint as _batch_id, id, id as courseid from range(1, 3) t(id);
create table landing.moodle_user_enrolments as
select 'campus' as _source, case when id > 50 then 2 else 1 end::bigint as _batch_id, id, 2::bigint as enrolid,
    id as userid
from range(1, 101) t(id)
union all select 'campus', 1, 900, 1, 1;
"""

_MARTS = """
create table marts.dim_users as select user_key, source from landing.user_keys;
create table marts.dim_activities as
select 'campus:quiz:' || id as activity_key, 'campus' as source, 'quiz' as activity_type,
    ['highest', 'average', 'first', 'last'][grademethod] as grade_method
from landing.moodle_quiz;
create table marts.fct_enrolments as
select 'campus:' || e.id as enrolment_key, k.user_key, 'campus:2' as course_key, 'manual' as method
from landing.moodle_user_enrolments e join landing.user_keys k on k.user_id = e.userid where e.enrolid = 2;
create table marts.fct_attempts as
select 'campus:quiz:' || a.id as attempt_key, 'campus' as source, 'quiz' as activity_type, a.id::varchar as attempt_id,
    'campus:quiz:' || a.quiz as activity_key, k.user_key,
    case a.state when 'finished' then 'completed' else a.state end as state, null::varchar as outcome,
    a.preview = 1 as is_preview, a.preview = 0 as is_counted,
    a.preview = 0 and a.sumgrades is not null and (
        a.quiz = 2 or a.quiz = 3 and a.attempt = 1 or a.quiz = 4 and a.attempt = 2
        or a.quiz = 1 and 1 = row_number() over (
            partition by quiz, userid, preview order by sumgrades desc nulls last, id
        )
    ) as is_graded_attempt,
    a.state = 'finished' and a.sumgrades is null as needs_grading,
    to_timestamp(a.timestart) as started_at, to_timestamp(a.timefinish) as completed_at, a.sumgrades as raw_score
from landing.moodle_quiz_attempts a join landing.user_keys k on k.user_id = a.userid;
create table marts.fct_attempt_events as
select attempt_key || '/' || event || '/1/1' as event_key, 1 as generation, 1 as occurrence, false as is_repeated,
    true as is_attempt_present, * from (
    select 'campus' as source, 'campus:quiz:' || objectid as attempt_key,
        split_part(eventname, 'attempt_', 2) as event, to_timestamp(timecreated) as occurred_at,
        'log' as source_of_event, id::varchar as log_id
    from landing.moodle_logstore_standard_log where eventname not like '%preview%'
    union all
    select source, attempt_key, 'completed', completed_at, 'attempt', null from marts.fct_attempts where not is_preview
);
create table marts.fct_grades as
select 'campus:quiz:' || q.id || '/0/' || k.user_key as grade_key, 'campus' as source, k.user_key,
    'campus:quiz:' || q.id as activity_key, 'quiz' as activity_type, 0 as item_number,
    g.grade, g.grade as computed_grade,
    g.grade as gradebook_grade, 0::decimal(18, 5) as min_grade, 100::decimal(18, 5) as max_grade,
    'match' as parity, null::varchar as parity_reason,
    'match' as gradebook_parity, null::varchar as gradebook_reason
from landing.moodle_quiz q cross join landing.user_keys k
left join landing.moodle_quiz_grades g on g.quiz = q.id and g.userid = k.user_id;
create table marts.fct_gradebook_grades as
select 'campus:' || g.itemid || '/' || k.user_key as gradebook_grade_key, 'campus:' || g.itemid as grade_item_key,
    k.user_key, g.finalgrade as grade
from landing.moodle_grade_grades g join landing.user_keys k on k.user_id = g.userid;
create table marts.fct_course_grades as
select 'campus:2/' || user_key as course_grade_key, 'campus:2' as course_key, user_key, grade_item_key, grade
from marts.fct_gradebook_grades where grade_item_key = 'campus:5';
create table marts.fct_activity_completions as
select 'campus:' || c.id as completion_key, 'campus:quiz:' || m.instance as activity_key,
    k.user_key, ['incomplete', 'complete', 'complete_pass', 'complete_fail'][c.completionstate + 1] as state
from landing.moodle_course_modules_completion c
join landing.moodle_course_modules m on m.id = c.coursemoduleid
join landing.user_keys k on k.user_id = c.userid;
create table marts.fct_course_completions as
select 'campus:2/' || user_key as course_completion_key, 'campus:2' as course_key, user_key, 'in_progress' as status,
    case when user_id % 10 <> 0 then 37.5 end::double as percentage, user_id % 10 <> 0 as is_tracked_learner
from landing.user_keys;
create table marts.rpt_course_progress as
select 'campus:1/' || c.course_completion_key as progress_key, 'campus:1' as company_key, c.user_key, c.course_key,
    c.percentage
from marts.fct_course_completions c;
create table marts.rpt_anomalies (
    anomaly_key varchar, rule varchar, subject varchar, source varchar, activity_key varchar, attempt_key varchar,
    user_key varchar
);
create table intermediate.int_rule_coverage as
select * from (values
    ('score_out_of_bounds', 'error', 'grade', 500::bigint), ('score_out_of_bounds', 'error', 'attempt', 10::bigint),
    ('score_out_of_bounds', 'error', 'question', 1600::bigint), ('grade_mismatch', 'error', 'grade', 400::bigint),
    ('lost_terminal', 'warning', 'attempt', 100::bigint)
) t(rule, severity, subject, rows_covered);
"""

_STATE = ("quiz", "quiz_attempts", "quiz_grades", "grade_grades", "course_modules_completion", "user_enrolments")


@dataclass(frozen=True)
class Audited:
    """A candidate on disk, and the ways in which tests spoil and audit it."""

    folder: Path
    primary_keys = PRIMARY_KEYS
    checked_at = CHECKED_AT

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def manifest(self, batch_id: int) -> Path:
        return self.landing / "campus" / "_batches" / f"{batch_id:08d}.json"

    def spoil(self, *statements: str) -> Audited:
        with duckdb.connect(str(self.warehouse)) as connection:
            for statement in statements:
                connection.execute(statement)
        return self

    def find(self, rule: str, keys: Iterable[int], subject: str = "grade") -> Audited:
        """Put findings of a rule into the candidate, one for each number."""
        rows = ", ".join(
            f"('{rule}:{subject}/{key}', '{rule}', '{subject}', 'campus', 'campus:quiz:1', null, md5('u{key}'))"
            for key in keys
        )
        return self.spoil(f"insert into marts.rpt_anomalies values {rows}")

    def live(
        self,
        rule: str = "",
        keys: Iterable[int] = (),
        checks: list[dict[str, Any]] | None = None,
        subject: str = "grade",
        is_told: bool = True,
    ) -> Path:
        """A live release with these findings, whose manifest lists these checks.

        Without `is_told` it is of a version whose findings had no subject.
        """
        folder = self.folder / "live"
        folder.mkdir()
        with duckdb.connect(str(folder / "rollbook.duckdb")) as connection:
            connection.execute(
                "create schema marts;"
                " create table marts.rpt_anomalies (anomaly_key varchar, rule varchar, subject varchar)"
            )
            for key in keys:
                connection.execute(
                    "insert into marts.rpt_anomalies values (?, ?, ?)", [f"{rule}:{subject}/{key}", rule, subject]
                )
            if not is_told:
                connection.execute("alter table marts.rpt_anomalies drop column subject")
        if checks is not None:
            (folder / "manifest.json").write_text(json.dumps({"checks": checks}))
        return folder / "rollbook.duckdb"

    def audit(self, live: Path | None = None, waivers: Iterable[dict[str, Any]] = (), **changed: Any) -> AuditReport:
        arguments: dict[str, Any] = {
            "max_growth_percent": Decimal(1),
            "waivers": list(waivers),
            "primary_keys": PRIMARY_KEYS,
            "checked_at": CHECKED_AT,
        }
        return run_audit(self.warehouse, self.landing, live, **(arguments | changed))


def _build(folder: Path) -> None:
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(_LANDING)
        connection.execute(_MARTS)
        ledger: list[tuple[Any, ...]] = []
        for batch_id in (1, 2):
            streams = {}
            for stream in _STATE:
                rows = _land(connection, folder / "landing" / "campus", stream, batch_id)
                accepted, deleted = rows
                counts = {
                    "received": accepted + 3,
                    "accepted": accepted,
                    "duplicate": 2,
                    "ignored": 1,
                    "quarantined": 0,
                    "deleted": deleted,
                }
                file = f"{stream}/{batch_id:08d}.parquet" if sum(rows) else None
                streams[stream] = {"file": file, "rows": sum(rows), "ledger": counts}
                ledger.append(("campus", stream, batch_id, *counts.values()))
            manifest = folder / "landing" / "campus" / "_batches" / f"{batch_id:08d}.json"
            manifest.parent.mkdir(parents=True, exist_ok=True)
            head = {"format": 1, "source": "campus", "kind": "moodle", "batch_id": batch_id, "amended_by": None}
            manifest.write_text(json.dumps(head | {"streams": streams}))
        connection.execute(
            "create table landing.batches (source varchar, stream varchar, batch_id bigint, received bigint, accepted"
            " bigint, duplicate bigint, ignored bigint, quarantined bigint, deleted bigint)"
        )
        connection.executemany("insert into landing.batches values (?, ?, ?, ?, ?, ?, ?, ?, ?)", ledger)


def _land(connection: duckdb.DuckDBPyConnection, source: Path, stream: str, batch_id: int) -> tuple[int, int]:
    """Batch 1 holds every row, those that batch 2 changes in an older version, and one that batch 2 deletes."""
    columns = connection.execute(
        f"select * exclude (_source, _batch_id) from landing.moodle_{stream} limit 0"
    ).description
    names = [name for name, *_ in columns or ()]
    gone = ", ".join({"id": "999999", "_op": "'upsert'"}.get(name, f"any_value({name})") for name in names)
    older = ", ".join("1::decimal(18, 5) as sumgrades" if n == "sumgrades" and stream != "quiz" else n for n in names)
    upserts = {
        1: f"""
            select {", ".join(names)} from landing.moodle_{stream} where _batch_id = 1
            union all select {older} from landing.moodle_{stream} where _batch_id = 2
            union all select {gone} from landing.moodle_{stream} where _batch_id = 2 having count(*) > 0
        """,
        2: f"select {', '.join(names)} from landing.moodle_{stream} where _batch_id = 2",
    }[batch_id]
    [accepted] = connection.execute(f"select count(*) from ({upserts})").fetchone() or (0,)
    deletes = [f"select {', '.join('999999 as id' if n == 'id' else f'null as {n}' for n in names)}"]
    deleted = 1 if batch_id == 2 and accepted else 0
    if accepted:
        (source / stream).mkdir(parents=True, exist_ok=True)
        rows = f"select {batch_id}::bigint as _batch_id, 'upsert' as _op, * from ({upserts})"
        if deleted:
            rows += f" union all by name select {batch_id}::bigint as _batch_id, 'delete' as _op, * from ({deletes[0]})"
        connection.execute(f"copy ({rows}) to '{source / stream}/{batch_id:08d}.parquet' (format parquet)")
    return accepted, deleted


@pytest.fixture(scope="session")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candidate")
    _build(folder)
    return folder


@pytest.fixture
def candidate(clean_folder: Path, tmp_path: Path) -> Audited:
    """A clean candidate of one's own."""
    return Audited(Path(shutil.copytree(clean_folder, tmp_path / "candidate")))


@pytest.fixture
def failing() -> Callable[[AuditReport], set[str]]:
    return lambda report: {result.check for result in report.failures}


@pytest.fixture
def primary_keys() -> dict[str, str]:
    return PRIMARY_KEYS


@pytest.fixture
def without_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave Great Expectations out: it takes most of an audit of a small candidate."""
    monkeypatch.setattr("serving.audit.suites.check_laws", lambda *_: [])
    monkeypatch.setattr("serving.audit.suites.load", lambda: None)
