"""What the log tells of attempts' lives, read again from landing: the audit's own reading, as SQL."""

from __future__ import annotations

from serving.audit.candidate import Needs

# The entries about a life; a deletion, a reset or the start of a preview only says how to read the others.
_ENTRIES = (
    *(
        rf"\mod_quiz\event\attempt_{word}"
        for word in ("started", "submitted", "graded", "abandoned", "reopened", "reviewed", "regraded")
    ),
    *(rf"\mod_exelearning\event\attempt_{word}" for word in ("started", "completed")),
)

# JSON and PHP's own form in one pattern each: the name, what stands between, the value.
_NUMBER = r"""'"attempt"(?:\s*:\s*"?|;[a-z]:(?:\d+:")?)(\d+)'"""
_VERDICT = r"""'"status"(?:\s*:\s*"|;s:\d+:")(passed|failed|completed)"'"""
_SCORE = r"""'"score"(?:\s*:\s*|;[a-z]:(?:\d+:)?)"?-?\d'"""

# One row for each entry; the rule says why a mart may leave it out.
ENTRIES = f"""
    with previews as (
        select _source, id from landing.moodle_quiz_attempts where preview = 1
        union
        select _source, objectid from landing.moodle_logstore_standard_log
        where eventname = '\\mod_quiz\\event\\attempt_preview_started'
    )
    select
        l._source || ':' || l.id as key,
        null as value,
        case
            when coalesce(l.timecreated, 0) = 0 then 'it has no moment'
            when l.objectid is null then 'it names no attempt'
            when k.user_key is null or l.relateduserid <= 0 then 'it names no account'
            when l.component = 'mod_quiz' then case when p.id is not null then 'it is of a preview' end
            when not coalesce(json_valid(l.other) or l.other like 'a:%}}', false) then 'it breaks its event''s contract'
            when not coalesce(try_cast(regexp_extract(l.other, {_NUMBER}, 1) as integer) > 0, false)
                then 'it breaks its event''s contract'
            when l.eventname not like '%completed' then null
            when not regexp_matches(l.other, {_VERDICT}) then 'it breaks its event''s contract'
            when l.other like '%"score"%' and not regexp_matches(l.other, {_SCORE})
                then 'it breaks its event''s contract'
        end as rule,
        false as is_out_of_bounds
    from landing.moodle_logstore_standard_log l
    left join previews p on p._source = l._source and p.id = l.objectid and l.component = 'mod_quiz'
    left join landing.user_keys k on k.source = l._source and k.user_id = l.relateduserid
    where l.eventname in ({", ".join(f"'{name}'" for name in _ENTRIES)})
"""

NEEDS: Needs = {
    "landing.moodle_logstore_standard_log": (
        "_source",
        "id",
        "eventname",
        "component",
        "objectid",
        "relateduserid",
        "other",
        "timecreated",
    ),
    "landing.moodle_quiz_attempts": ("_source", "id", "preview"),
    "landing.user_keys": ("source", "user_id", "user_key"),
}

# How often the attempt's present life has the event at its first occurrence.
TIMES = """
    select attempt_key, event, count(*) as times
    from marts.fct_attempt_events
    where occurrence = 1 and is_attempt_present
    group by attempt_key, event
"""
EVENT_NEEDS: Needs = {"marts.fct_attempt_events": ("attempt_key", "event", "occurrence", "is_attempt_present")}
