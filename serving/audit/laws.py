"""The laws of the marts, one line each: what must hold for every row that is published.

Keys, grains and value sets are checked on every mart that declares them; the rest says what a score, a flag or a time
may never be. Rules of the source live in `rpt_anomalies`; a law here is about what is published after those rules set
the source's breaches apart, so breaking one is our fault unless its `kind` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from serving.audit import bounds, lifecycle, packages
from serving.audit.bounds import STEP
from serving.audit.candidate import Needs
from serving.audit.report import Kind


@dataclass(frozen=True)
class Law:
    """One law of one mart.

    `columns` are the columns of the mart that it reads; they are its evidence beside the mart's key. `breach` is the
    SQL condition on a row `m` that breaks it, `joins` what else the condition needs, `reads` the tables of those joins.
    `works_out` names queries whose results the joins find under those names, each worked out once for all laws.
    """

    mart: str
    name: str
    claim: str
    columns: tuple[str, ...]
    expect: Literal["unique", "not_null", "one_of", "no_rows"] = "no_rows"
    values: tuple[str, ...] = ()
    breach: str = ""
    joins: str = ""
    reads: Needs = field(default_factory=dict)
    works_out: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = "ours"

    @property
    def check(self) -> str:
        return f"{self.mart}__{self.name}"

    def needs(self, key: str | None) -> dict[str, tuple[str, ...]]:
        """Every table and column that the law reads."""
        own = dict.fromkeys((*((key,) if key else ()), *self.columns))
        return {f"marts.{self.mart}": tuple(own), **{table: tuple(columns) for table, columns in self.reads.items()}}


# The columns that name one row of a mart in the reader's terms, where that is more than its key.
GRAINS: Mapping[str, tuple[str, ...]] = {
    "bridge_persons": ("user_key", "person_key"),
    "fct_attempt_events": ("attempt_key", "event", "generation", "occurrence"),
    "fct_grades": ("user_key", "activity_key", "item_number"),
    "fct_gradebook_grades": ("user_key", "grade_item_key"),
    "fct_course_grades": ("user_key", "course_key"),
    "fct_activity_completions": ("user_key", "activity_key"),
    "fct_course_completions": ("user_key", "course_key"),
    "rpt_course_progress": ("company_key", "user_key", "course_key"),
}

# Only the source can double these: the build keeps its rows one by one.
_GRAINS_OF_SOURCE = frozenset({"fct_activity_completions"})

VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("fct_attempts", "state"): (
        "not_started",
        "in_progress",
        "overdue",
        "submitted",
        "completed",
        "abandoned",
        "expired",
    ),
    ("fct_attempts", "outcome"): ("passed", "failed"),
    ("fct_attempt_events", "event"): (
        "started",
        "submitted",
        "completed",
        "abandoned",
        "reopened",
        "reviewed",
        "regraded",
    ),
    ("fct_attempt_events", "source_of_event"): ("log", "attempt"),
    ("fct_grades", "parity"): ("match", "mismatch", "missing_in_lms", "missing_here"),
    ("fct_grades", "gradebook_parity"): ("match", "mismatch", "missing_in_lms", "missing_here"),
    ("fct_activity_completions", "state"): ("incomplete", "complete", "complete_pass", "complete_fail"),
    ("fct_course_completions", "status"): ("completed", "in_progress", "not_started"),
}

NEVER_NULL: Mapping[str, tuple[str, ...]] = {
    "fct_attempts": ("state", "is_preview", "is_counted", "is_graded_attempt", "needs_grading"),
    "fct_attempt_events": ("event", "generation", "occurrence", "occurred_at", "is_repeated"),
    "fct_activity_completions": ("state",),
    "fct_course_completions": ("status",),
    "rpt_anomalies": ("rule", "source"),
}


def _once(word: str) -> Law:
    return Law(
        "fct_attempts",
        f"{word}_once",
        f"An attempt that is {word} (no preview) has exactly one event of it at occurrence 1 in its present life.",
        ("is_preview", f"{word}_at"),
        joins=f"left join times_of_events e on e.attempt_key = m.attempt_key and e.event = '{word}'",
        works_out={"times_of_events": lifecycle.TIMES},
        breach=f"not m.is_preview and m.{word}_at is not null and coalesce(e.times, 0) <> 1",
        reads=lifecycle.EVENT_NEEDS,
    )


_LAWS = (
    Law(
        "fct_attempts",
        "score_within_its_slots",
        "A quiz attempt's published score lies within the sums of its slots' least and greatest marks.",
        ("activity_type", "raw_score"),
        joins="join attempt_bounds b on b.attempt_key = m.attempt_key",
        works_out={"attempt_bounds": bounds.ATTEMPTS},
        breach=f"m.raw_score < b.least - {STEP} or m.raw_score > b.greatest + {STEP}",
        reads=bounds.ATTEMPT_NEEDS,
    ),
    Law(
        "fct_attempts",
        "package_score_within_its_maximum",
        "An eXeLearning attempt's published score lies between its activity's minimum and the maximum noted with it.",
        ("activity_type", "raw_score"),
        joins="join package_bounds b on b.key = m.attempt_key",
        works_out={"package_bounds": packages.EXELEARNING_ATTEMPTS},
        breach="b.is_out_of_bounds and m.raw_score is not null",
        reads=packages.EXELEARNING_NEEDS,
    ),
    Law(
        "fct_attempts",
        "ungraded_has_no_score",
        "An attempt that still needs grading has no score.",
        ("needs_grading", "raw_score"),
        breach="m.needs_grading and m.raw_score is not null",
    ),
    Law(
        "fct_attempts",
        "previews_never_count",
        "A preview is never counted.",
        ("is_preview", "is_counted"),
        breach="m.is_preview and m.is_counted",
    ),
    Law(
        "fct_attempts",
        "graded_attempt_is_counted",
        "The attempt that gives the grade is one of those that count.",
        ("is_graded_attempt", "is_counted"),
        breach="m.is_graded_attempt and not m.is_counted",
    ),
    Law(
        "fct_attempts",
        "one_graded_attempt",
        "At most one attempt of an account gives the grade of a quiz, except where the quiz averages.",
        ("activity_type", "activity_key", "user_key", "is_graded_attempt"),
        joins="""
            join (
                select g.activity_key, g.user_key
                from marts.fct_attempts g
                left join marts.dim_activities d on d.activity_key = g.activity_key
                where g.activity_type = 'quiz' and g.is_graded_attempt and d.grade_method is distinct from 'average'
                group by g.activity_key, g.user_key
                having count(*) > 1
            ) g on g.activity_key = m.activity_key and g.user_key = m.user_key
        """,
        breach="m.is_graded_attempt",
        reads={"marts.dim_activities": ("activity_key", "grade_method")},
    ),
    Law(
        "fct_attempts",
        "completed_after_started",
        "No attempt is completed before it started, unless the source itself says so.",
        ("activity_type", "started_at", "completed_at"),
        joins="""
            left join (
                select _source || ':' || 'quiz' || ':' || id as attempt_key
                from landing.moodle_quiz_attempts where timefinish < timestart
            ) s on s.attempt_key = m.attempt_key
        """,
        breach="m.completed_at < m.started_at and s.attempt_key is null",
        reads={"landing.moodle_quiz_attempts": ("_source", "id", "timestart", "timefinish")},
    ),
    Law(
        "fct_attempts",
        "finished_after_started_at_source",
        "No attempt finishes before it starts at the source.",
        ("activity_type", "started_at", "completed_at"),
        breach="m.completed_at < m.started_at",
        kind="source",
    ),
    _once("started"),
    _once("completed"),
    Law(
        "fct_attempt_events",
        "occurrences_are_numbered_through",
        "Within attempt, event and generation occurrences count from 1 without a gap.",
        ("attempt_key", "event", "generation", "occurrence"),
        joins="""
            join (
                select attempt_key, event, generation
                from marts.fct_attempt_events
                group by attempt_key, event, generation
                having min(occurrence) <> 1 or max(occurrence) <> count(*)
            ) g on g.attempt_key = m.attempt_key and g.event = m.event and g.generation = m.generation
        """,
        breach="true",
    ),
    Law(
        "fct_attempt_events",
        "derived_only_where_the_log_is_silent",
        "No event is taken from an attempt that the log tells of in the same life.",
        ("attempt_key", "event", "generation", "source_of_event"),
        joins="""
            join marts.fct_attempt_events l on l.attempt_key = m.attempt_key and l.event = m.event
            and l.generation = m.generation and l.source_of_event = 'log'
        """,
        breach="m.source_of_event = 'attempt'",
    ),
    Law(
        "fct_attempt_events",
        "previews_have_no_events",
        "No event is of a teacher's preview.",
        ("attempt_key",),
        joins="join marts.fct_attempts a on a.attempt_key = m.attempt_key",
        breach="a.is_preview",
        reads={"marts.fct_attempts": ("attempt_key", "is_preview")},
    ),
    Law(
        "fct_attempt_events",
        "repeated_is_never_first",
        "An event that counts nowhere because it is repeated has a higher occurrence than 1.",
        ("occurrence", "is_repeated"),
        breach="m.is_repeated and m.occurrence = 1",
    ),
    Law(
        "fct_grades",
        "gradebook_grade_within_bounds",
        "A published final grade lies within the bounds published with it, unless its site allows unlimited grades.",
        ("source", "activity_key", "gradebook_grade", "min_grade", "max_grade"),
        joins="""
            left join (
                select distinct _source as source from landing.moodle_config
                where name = 'unlimitedgrades' and value = '1'
            ) u on u.source = m.source
        """,
        breach=f"""
            u.source is null
            and (m.gradebook_grade < m.min_grade - {STEP} or m.gradebook_grade > m.max_grade + {STEP})
        """,
        reads={"landing.moodle_config": ("_source", "name", "value")},
    ),
    Law(
        "fct_gradebook_grades",
        "grade_within_bounds",
        "A published final grade lies within its item's bounds, unless its site allows unlimited grades.",
        ("grade_item_key", "user_key", "grade"),
        joins="join grade_bounds b on b.grade_item_key = m.grade_item_key and b.user_key = m.user_key",
        works_out={"grade_bounds": bounds.GRADES},
        # The landed value is withheld when it is out of bounds: then nothing may stand in its place.
        breach="b.is_out_of_bounds and m.grade is not null",
        reads=bounds.GRADE_NEEDS,
    ),
    Law(
        "fct_course_grades",
        "grade_within_bounds",
        "A published course total lies within its item's bounds, unless its site allows unlimited grades.",
        ("grade_item_key", "user_key", "grade"),
        joins="join grade_bounds b on b.grade_item_key = m.grade_item_key and b.user_key = m.user_key",
        works_out={"grade_bounds": bounds.GRADES},
        breach="b.is_out_of_bounds and m.grade is not null",
        reads=bounds.GRADE_NEEDS,
    ),
    Law(
        "fct_grades",
        "parity_says_what_the_grades_say",
        "A grade's parity is match within 0.00001, mismatch beyond, missing where only one side has a grade; every quiz"
        " grade has one, and besides only grades of eXeLearning and SCORM.",
        ("activity_type", "item_number", "grade", "computed_grade", "parity"),
        breach=f"""
            m.parity is distinct from case
                when m.activity_type in ('exelearning', 'scorm') and m.parity is null then null
                when m.activity_type not in ('exelearning', 'scorm')
                    and (m.activity_type <> 'quiz' or m.item_number <> 0) then null
                when m.grade is null and m.computed_grade is null then 'match'
                when m.grade is null then 'missing_in_lms'
                when m.computed_grade is null then 'missing_here'
                when abs(m.grade - m.computed_grade) <= {STEP} then 'match'
                else 'mismatch'
            end
        """,
    ),
    Law(
        "fct_grades",
        "a_match_needs_no_reason",
        "A grade that matches, or that was not compared, carries no reason for a difference.",
        ("parity", "parity_reason", "gradebook_parity", "gradebook_reason"),
        breach="""
            (coalesce(m.parity, 'match') = 'match' and m.parity_reason is not null)
            or (coalesce(m.gradebook_parity, 'match') = 'match' and m.gradebook_reason is not null)
        """,
    ),
    Law(
        "fct_course_completions",
        "percentage_is_one",
        "A progress percentage lies between 0 and 100.",
        ("percentage",),
        breach="m.percentage < 0 or m.percentage > 100",
    ),
    Law(
        "fct_course_completions",
        "only_tracked_learners_progress",
        "Only tracked learners have a progress percentage.",
        ("percentage", "is_tracked_learner"),
        breach="m.percentage is not null and not coalesce(m.is_tracked_learner, false)",
    ),
    Law(
        "rpt_course_progress",
        "percentage_is_one",
        "A progress percentage lies between 0 and 100.",
        ("percentage",),
        breach="m.percentage < 0 or m.percentage > 100",
    ),
    Law(
        "dim_users",
        "user_key_is_a_pseudonym",
        "An account's key is 32 hexadecimal digits and nothing that its source knows.",
        ("user_key",),
        breach="not regexp_full_match(m.user_key, '[0-9a-f]{{32}}')",
    ),
    Law(
        "rpt_anomalies",
        "every_rule_is_covered",
        "Every finding belongs to a rule that says how many rows it covers.",
        ("rule",),
        joins="left join covered_rules c on c.rule = m.rule",
        works_out={"covered_rules": "select distinct rule from intermediate.int_rule_coverage"},
        breach="c.rule is null",
        reads={"intermediate.int_rule_coverage": ("rule",)},
    ),
)

# What would name a person or an account of the source: no mart may have such a column.
PERSONAL_COLUMNS = frozenset(
    {
        "username",
        "email",
        "first_name",
        "last_name",
        "firstname",
        "lastname",
        "user_id",
        "userid",
        "phone",
        "address",
        "ip",
        "ip_address",
        "password",
    }
)


def laws(primary_keys: Mapping[str, str]) -> Iterator[Law]:
    """Every law of the marts whose primary keys are given, keys and grains first."""
    for mart, key in sorted(primary_keys.items()):
        yield Law(mart, "key_is_unique", f"No two rows of {mart} share a {key}.", (key,), "unique")
        yield Law(mart, "key_is_there", f"Every row of {mart} has its {key}.", (key,), "not_null")
        grain = GRAINS.get(mart)
        if grain:
            claim = f"{mart} has one row for each {' × '.join(grain)}."
            kind: Kind = "source" if mart in _GRAINS_OF_SOURCE else "ours"
            yield Law(mart, "grain_is_unique", claim, grain, "unique", kind=kind)
        for column in NEVER_NULL.get(mart, ()):
            yield Law(mart, f"{column}_is_there", f"Every row of {mart} has its {column}.", (column,), "not_null")
    for (mart, column), values in VALUES.items():
        claim = f"{column} of {mart} is one of {', '.join(values)}."
        yield Law(mart, f"{column}_is_known", claim, (column,), "one_of", values)
    yield from _LAWS
