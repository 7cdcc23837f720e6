"""What a score may be, worked out from landing: the audit's own reading of the bounds, as SQL.

Quiz attempts: the marks that the question attempts of their usage can give together. Final grades: the range of the
gradebook item; a grade fixed by hand or by a lock may keep the range it was given on; totals may use what the row and
the item allow together, and fall as far below zero as the minima of the course's items do. A site with unlimited grades
has no bounds. Marks add seven decimals, grades are stored with five: half a last digit is no breach.
"""

from __future__ import annotations

from serving.audit.candidate import Needs

STEP = "0.00001"

# (attempt_key, value, least, greatest, rule, is_out_of_bounds), one row for each landed quiz attempt; `rule` is why a
# mart may leave a row out.
ATTEMPTS = f"""
    select
        a._source || ':' || 'quiz' || ':' || a.id as attempt_key,
        a.sumgrades as value,
        b.least,
        b.greatest,
        case when a.userid > 0 then null else 'it names no account' end as rule,
        coalesce(a.sumgrades < b.least - {STEP} or a.sumgrades > b.greatest + {STEP}, false) as is_out_of_bounds
    from landing.moodle_quiz_attempts a
    left join (
        select _source, questionusageid, sum(maxmark * minfraction) as least, sum(maxmark * maxfraction) as greatest
        from landing.moodle_question_attempts
        group by _source, questionusageid
    ) b on b._source = a._source and b.questionusageid = a.uniqueid
"""
ATTEMPT_NEEDS: Needs = {
    "landing.moodle_quiz_attempts": ("_source", "id", "userid", "uniqueid", "sumgrades"),
    "landing.moodle_question_attempts": ("_source", "questionusageid", "maxmark", "minfraction", "maxfraction"),
}

# (grade_item_key, user_key, value, rule, is_out_of_bounds), one row for each landed grade.
GRADES = f"""
    select
        g._source || ':' || g.itemid as grade_item_key,
        k.user_key,
        g.finalgrade as value,
        case
            when i.id is null then 'its grade item is gone'
            when g.userid > 0 then null
            else 'it names no account'
        end as rule,
        coalesce(u.source is null and not (
            case
                when i.itemtype in ('course', 'category') then
                    g.finalgrade between least(g.rawgrademin, i.grademin, c.least_sum) - {STEP}
                    and greatest(g.rawgrademax, i.grademax) + {STEP}
                else
                    g.finalgrade between i.grademin - {STEP} and i.grademax + {STEP}
                    or (
                        coalesce(
                            i.itemtype = 'manual'
                            or g.overridden <> 0
                            or g.locked <> 0
                            or i.locked <> 0
                            or (g.locktime > 0 and g.locktime < epoch(s.as_of))
                            or (i.locktime > 0 and i.locktime < epoch(s.as_of)),
                            false
                        )
                        and g.finalgrade between g.rawgrademin and g.rawgrademax
                    )
            end
        ), false) as is_out_of_bounds
    from landing.moodle_grade_grades g
    left join landing.moodle_grade_items i on i._source = g._source and i.id = g.itemid
    left join landing.user_keys k on k.source = g._source and k.user_id = g.userid
    left join landing.sources s on s.source = g._source
    left join (
        select distinct _source as source from landing.moodle_config where name = 'unlimitedgrades' and value = '1'
    ) u on u.source = g._source
    left join (
        select _source, courseid, sum(least(grademin, 0)) as least_sum
        from landing.moodle_grade_items
        where itemtype not in ('course', 'category')
        group by _source, courseid
    ) c on c._source = i._source and c.courseid = i.courseid
"""
GRADE_NEEDS: Needs = {
    "landing.moodle_grade_grades": (
        "_source",
        "itemid",
        "userid",
        "finalgrade",
        "rawgrademin",
        "rawgrademax",
        "overridden",
        "locked",
        "locktime",
    ),
    "landing.moodle_grade_items": (
        "_source",
        "id",
        "courseid",
        "itemtype",
        "grademin",
        "grademax",
        "locked",
        "locktime",
    ),
    "landing.moodle_config": ("_source", "name", "value"),
    "landing.user_keys": ("source", "user_id", "user_key"),
    "landing.sources": ("source", "as_of"),
}
