"""No row lost, none invented: landing against marts, the ledger, and the committed batches against landing's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from serving.audit import bounds, lifecycle, packages
from serving.audit.batches import COUNTS, LandedBatch, files_of
from serving.audit.candidate import Candidate, Needs
from serving.audit.report import EVIDENCE_ROWS, CheckResult, broken, first_line, verdict


@dataclass(frozen=True)
class Reconciliation:
    """One landed table against its mart, row by row.

    `landed` selects (key, value, rule, is_out_of_bounds): `rule` names why a row may stay out of the mart, NULL when it
    must be there; only an out-of-bounds value may be withheld. `published` selects (key, value). Values are numbers and
    equal within 0.00001; where several landed rows share a key, the published value lies among theirs.
    """

    name: str
    mart: str
    noun: str
    landed: str
    published: str
    needs: Needs = field(default_factory=dict)

    @property
    def check(self) -> str:
        return f"reconciliation__{self.name}"

    @property
    def claim(self) -> str:
        return f"Every landed row of {self.noun} is in {self.mart} exactly once with its value, and no other row is."


_KEYS = {"landing.user_keys": ("source", "user_id", "user_key")}

RECONCILIATIONS = (
    Reconciliation(
        "quiz_attempts",
        "fct_attempts",
        "quiz attempts",
        landed=f"select attempt_key as key, value, rule, is_out_of_bounds from ({bounds.ATTEMPTS})",
        published="""
            select attempt_key as key, raw_score as value
            from marts.fct_attempts where activity_type = 'quiz'
        """,
        needs={**bounds.ATTEMPT_NEEDS, "marts.fct_attempts": ("attempt_key", "activity_type", "raw_score")},
    ),
    Reconciliation(
        "exelearning_attempts",
        "fct_attempts",
        "eXeLearning attempts",
        landed=packages.EXELEARNING_ATTEMPTS,
        published="""
            select attempt_key as key, raw_score as value
            from marts.fct_attempts where activity_type = 'exelearning'
        """,
        needs={**packages.EXELEARNING_NEEDS, "marts.fct_attempts": ("attempt_key", "activity_type", "raw_score")},
    ),
    Reconciliation(
        "scorm_attempts",
        "fct_attempts",
        "SCORM attempts",
        landed=packages.SCORM_ATTEMPTS,
        published="select attempt_key as key, null as value from marts.fct_attempts where activity_type = 'scorm'",
        needs={**packages.SCORM_NEEDS, "marts.fct_attempts": ("attempt_key", "activity_type")},
    ),
    Reconciliation(
        "attempt_events",
        "fct_attempt_events",
        "the log about attempts' lives",
        landed=lifecycle.ENTRIES,
        published="""
            select source || ':' || log_id as key, null as value
            from marts.fct_attempt_events where source_of_event = 'log'
        """,
        needs={**lifecycle.NEEDS, "marts.fct_attempt_events": ("source", "log_id", "source_of_event")},
    ),
    Reconciliation(
        "quiz_grades",
        "fct_grades",
        "quiz grades",
        landed="""
            select
                g._source || ':quiz:' || g.quiz || '/' || coalesce(k.user_key, '') as key,
                g.grade as value,
                case
                    when q.id is null then 'its quiz is gone'
                    when g.userid > 0 then null
                    else 'it names no account'
                end as rule,
                false as is_out_of_bounds
            from landing.moodle_quiz_grades g
            left join landing.moodle_quiz q on q._source = g._source and q.id = g.quiz
            left join landing.user_keys k on k.source = g._source and k.user_id = g.userid
        """,
        published="""
            select activity_key || '/' || coalesce(user_key, '') as key, grade as value
            from marts.fct_grades
            where split_part(activity_key, ':', 2) = 'quiz' and item_number = 0 and grade is not null
        """,
        needs={
            "landing.moodle_quiz_grades": ("_source", "quiz", "userid", "grade"),
            "landing.moodle_quiz": ("_source", "id"),
            "marts.fct_grades": ("activity_key", "user_key", "item_number", "grade"),
            **_KEYS,
        },
    ),
    Reconciliation(
        "grades",
        "fct_gradebook_grades",
        "gradebook grades",
        landed=f"""
            select grade_item_key || '/' || coalesce(user_key, '') as key, value, rule, is_out_of_bounds
            from ({bounds.GRADES})
        """,
        published="""
            select grade_item_key || '/' || coalesce(user_key, '') as key, grade as value
            from marts.fct_gradebook_grades
        """,
        needs={
            **bounds.GRADE_NEEDS,
            "marts.fct_gradebook_grades": ("grade_item_key", "user_key", "grade"),
        },
    ),
    Reconciliation(
        "activity_completions",
        "fct_activity_completions",
        "activity completions",
        landed="""
            select
                c._source || ':' || c.id as key,
                case when c.completionstate = 4 then 3 else c.completionstate end as value,
                case when m.id is null then 'its course module is gone' end as rule,
                false as is_out_of_bounds
            from landing.moodle_course_modules_completion c
            left join landing.moodle_course_modules m on m._source = c._source and m.id = c.coursemoduleid
        """,
        published="""
            select
                completion_key as key,
                list_position(['incomplete', 'complete', 'complete_pass', 'complete_fail'], state) - 1 as value
            from marts.fct_activity_completions
        """,
        needs={
            "landing.moodle_course_modules_completion": ("_source", "id", "coursemoduleid", "completionstate"),
            "landing.moodle_course_modules": ("_source", "id"),
            "marts.fct_activity_completions": ("completion_key", "state"),
        },
    ),
    Reconciliation(
        "enrolments",
        "fct_enrolments",
        "enrolments",
        landed="""
            select
                u._source || ':' || u.id as key,
                null as value,
                case
                    when e.id is null then 'its enrolment method is gone'
                    when c.category = 0 then 'it is in the site course'
                end as rule,
                false as is_out_of_bounds
            from landing.moodle_user_enrolments u
            left join landing.moodle_enrol e on e._source = u._source and e.id = u.enrolid
            left join landing.moodle_course c on c._source = e._source and c.id = e.courseid
        """,
        published="select enrolment_key as key, null as value from marts.fct_enrolments",
        needs={
            "landing.moodle_user_enrolments": ("_source", "id", "enrolid"),
            "landing.moodle_enrol": ("_source", "id", "courseid"),
            "landing.moodle_course": ("_source", "id", "category"),
            "marts.fct_enrolments": ("enrolment_key",),
        },
    ),
)

_COMPARE = """
    create or replace temp table judged as
    with landed as (
        select
            key,
            min(cast(value as double)) as least,
            max(cast(value as double)) as greatest,
            min(rule) as rule,
            bool_and(rule is not null) as may_be_left_out,
            coalesce(bool_or(is_out_of_bounds), false) as is_out_of_bounds
        from ({landed})
        group by key
    ),
    published as (
        select key, cast(min(value) as double) as value, count(*) as times
        from ({published})
        group by key
    ),
    judged as (
        select
            coalesce(landed.key, published.key) as key,
            landed.least as landed,
            published.value as published,
            case when published.key is null then landed.rule end as left_out,
            case
                when published.key is null and not landed.may_be_left_out then 'lost'
                when published.key is null then null
                when landed.key is null then 'invented'
                when published.times > 1 then 'doubled'
                when published.value is null and landed.least is not null and not landed.is_out_of_bounds
                    then 'withheld within its bounds'
                when published.value is not null
                    and not coalesce(
                        published.value between landed.least - 0.00001 and landed.greatest + 0.00001, false
                    )
                    then 'changed'
            end as problem
        from landed
        full join published on published.key = landed.key
    )
    select * from judged
"""

# Enough to catch a warehouse that lost a batch or took one twice; every table would cost as much as the build.
STATE_STREAMS = ("quiz_attempts", "quiz_grades", "grade_grades", "course_modules_completion", "user_enrolments")

LEDGER_NEEDS: Needs = {"landing.batches": ("source", "stream", "batch_id", *COUNTS)}
STATE_NEEDS: Needs = {
    "landing.sources": ("source", "kind", "batch_id"),
    **{f"landing.moodle_{stream}": ("_source", "_batch_id", "id") for stream in STATE_STREAMS},
}


def check_rows(candidate: Candidate, reconciliation: Reconciliation) -> CheckResult:
    """A landed table against its mart, both ways."""
    try:
        candidate.connection.execute(_COMPARE.format(landed=reconciliation.landed, published=reconciliation.published))
        [counts] = candidate.records("select count(*) as checked, count(problem) as failed from judged")
        left_out = candidate.records(
            "select left_out, count(*) as rows from judged where left_out is not null group by all order by all"
        )
        evidence = candidate.records(
            "select key, problem, landed, published from judged where problem is not null order by key limit ?",
            [EVIDENCE_ROWS],
        )
    except duckdb.Error as error:
        return _unmade(reconciliation.check, reconciliation.mart, reconciliation.claim, error)
    claim = reconciliation.claim
    if left_out:
        claim += " Left out: " + ", ".join(f"{row['rows']} ({row['left_out']})" for row in left_out) + "."
    return verdict(reconciliation.check, reconciliation.mart, claim, counts["checked"], counts["failed"], evidence)


def check_ledger(candidate: Candidate) -> CheckResult:
    """The law of every ledger, in the warehouse's copy of it."""
    claim = "Every batch and stream received what it accepted, found unchanged, ignored and quarantined, together."
    check, mart = "reconciliation__ledger", "landing.batches"
    balanced = "received = accepted + duplicate + ignored + quarantined"
    negative = "least(received, accepted, duplicate, ignored, quarantined, deleted) < 0"
    try:
        rows = candidate.count("select count(*) from landing.batches")
        where = f"from landing.batches where not coalesce({balanced}, false) or {negative}"
        failed = candidate.count(f"select count(*) {where}")
        evidence = candidate.records(
            f"select source, stream, batch_id, {', '.join(COUNTS)} {where} order by all limit ?", [EVIDENCE_ROWS]
        )
    except duckdb.Error as error:
        return _unmade(check, mart, claim, error)
    return verdict(check, mart, claim, rows, failed, evidence)


def check_manifests(candidate: Candidate, batches: Sequence[LandedBatch]) -> CheckResult:
    """The manifests on disk against the warehouse's ledger: every committed batch was taken once, as it was counted."""
    claim = "The warehouse's ledger is that of its batches' manifests, and every batch landed what it counted."
    check, mart = "reconciliation__manifests", "landing.batches"
    try:
        ledger = candidate.records(f"select source, stream, batch_id, {', '.join(COUNTS)} from landing.batches")
    except duckdb.Error as error:
        return _unmade(check, mart, claim, error)
    held: dict[tuple[str, str, int], list[tuple[int, ...]]] = {}
    for row in ledger:
        place = (row["source"], row["stream"], int(row["batch_id"]))
        held.setdefault(place, []).append(tuple(row[count] for count in COUNTS))
    wrong: list[dict[str, Any]] = []
    checked = 0
    for batch in batches:
        for stream, counts in batch.ledgers.items():
            place = (batch.source, stream, batch.batch_id)
            counted = tuple(counts[count] for count in COUNTS)
            ours = held.pop(place, [])
            checked += 1
            problem = None
            if not ours and any(counted):
                problem = "not in the warehouse"
            elif len(ours) > 1:
                problem = "twice in the warehouse"
            elif ours and ours[0] != counted:
                problem = "counted otherwise in the warehouse"
            elif not batch.is_amended and batch.rows[stream] != counts["accepted"] + counts["deleted"]:
                problem = "its file holds other rows than were counted"
            if problem:
                wrong.append({"source": place[0], "stream": stream, "batch_id": batch.batch_id, "problem": problem})
    for source, stream, batch_id in sorted(held):
        checked += 1
        problem = "no manifest commits it"
        wrong.append({"source": source, "stream": stream, "batch_id": batch_id, "problem": problem})
    return verdict(check, mart, claim, checked, len(wrong), wrong, noun="ledgers")


def check_state(candidate: Candidate, batches: Sequence[LandedBatch]) -> CheckResult:
    """What the batches leave behind, key by key, against landing's tables."""
    claim = "Landing's tables hold the last version of every row that the committed batches hold, and nothing else."
    check, mart = "reconciliation__landed_state", "landing"
    checked = failed = 0
    evidence: list[dict[str, Any]] = []
    try:
        for row in candidate.records("select source from landing.sources where kind = 'moodle' order by source"):
            for stream in STATE_STREAMS:
                [counts, *wrong] = _compare_state(candidate, batches, row["source"], stream)
                checked += counts["checked"]
                failed += counts["failed"]
                evidence += wrong
    except duckdb.Error as error:
        return _unmade(check, mart, claim, error)
    return verdict(check, mart, claim, checked, failed, evidence)


def _compare_state(
    candidate: Candidate, batches: Sequence[LandedBatch], source: str, stream: str
) -> list[dict[str, Any]]:
    files = [str(path) for path in files_of(batches, source, stream)]
    left = (
        "select id, max(_batch_id) as batch_id from read_parquet($files, file_row_number = true) group by id "
        "having arg_max(_op, _batch_id * 4294967296 + file_row_number) <> 'delete'"
        if files
        else "select null::bigint as id, null::bigint as batch_id where $files is not null"
    )
    query = f"""
        create or replace temp table judged as
        with batches as ({left}),
        here as (select id, _batch_id as batch_id from landing.moodle_{stream} where _source = $source),
        judged as (
            select
                coalesce(batches.id, here.id) as id,
                case
                    when here.id is null then 'lost'
                    when batches.id is null then 'invented'
                    when here.batch_id <> batches.batch_id then 'of another batch'
                end as problem
            from batches full join here on here.id = batches.id
        )
        select * from judged
    """
    candidate.connection.execute(query, {"files": files or None, "source": source})
    [totals] = candidate.records("select count(*) as checked, count(problem) as failed from judged")
    wrong = candidate.records(
        "select id, problem from judged where problem is not null order by id limit ?", [EVIDENCE_ROWS]
    )
    return [totals, *({"source": source, "stream": stream, **row} for row in wrong)]


def _unmade(check: str, mart: str, claim: str, error: Exception) -> CheckResult:
    return broken(check, mart, f"The check could not be made ({claim}): {first_line(error)}")
