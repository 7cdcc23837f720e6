"""Attempts at packages, eXeLearning and SCORM, worked out again from landing: the audit's own reading, as SQL.

Each selects (key, value, rule, is_out_of_bounds), one row for each attempt; `rule` is why a mart may leave it out.
"""

from __future__ import annotations

from serving.audit.bounds import STEP
from serving.audit.candidate import Needs

# The value is the score of the whole; one beyond the maximum noted with it, or beyond 1 as a fraction, is withheld.
EXELEARNING_ATTEMPTS = f"""
    select
        a._source || ':exelearning:' || min(a.id) as key,
        max(a.rawscore) filter (where a.itemnumber = 0) as value,
        case when a.userid > 0 then null else 'it names no account' end as rule,
        coalesce(bool_or(
            a.rawscore > a.maxscore + {STEP}
            or a.rawscore < least(coalesce(e.grademin, 0), 0) - {STEP}
            or a.scaledscore < 0
            or a.scaledscore > 1
        ) filter (where a.itemnumber = 0), false) as is_out_of_bounds
    from landing.moodle_exelearning_attempt a
    left join landing.moodle_exelearning e on e._source = a._source and e.id = a.exelearningid
    group by a._source, a.exelearningid, a.userid, a.attempt
"""
EXELEARNING_NEEDS: Needs = {
    "landing.moodle_exelearning_attempt": (
        "_source",
        "id",
        "exelearningid",
        "userid",
        "attempt",
        "itemnumber",
        "rawscore",
        "maxscore",
        "scaledscore",
    ),
    "landing.moodle_exelearning": ("_source", "id", "grademin"),
}

# Whether each attempt is there; its score is the sum of a rule that Moodle's own answers are held against elsewhere.
SCORM_ATTEMPTS = """
    select
        a._source || ':scorm:' || min(a.id) as key,
        null as value,
        case when a.userid > 0 then null else 'it names no account' end as rule,
        false as is_out_of_bounds
    from landing.moodle_scorm_attempt a
    group by a._source, a.scormid, a.userid, a.attempt
    union all
    select
        t._source || ':scorm:t' || min(t.id) as key,
        null as value,
        case when t.userid > 0 then null else 'it names no account' end as rule,
        false as is_out_of_bounds
    from landing.moodle_scorm_scoes_track t
    where not exists (
        select 1 from landing.moodle_scorm_attempt a
        where a._source = t._source and a.scormid = t.scormid and a.userid = t.userid and a.attempt = t.attempt
    )
    group by t._source, t.scormid, t.userid, t.attempt
"""
SCORM_NEEDS: Needs = {
    "landing.moodle_scorm_attempt": ("_source", "id", "scormid", "userid", "attempt"),
    "landing.moodle_scorm_scoes_track": ("_source", "id", "scormid", "userid", "attempt"),
}
