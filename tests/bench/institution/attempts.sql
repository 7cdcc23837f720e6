-- Every row that follows from the attempts in `picked` (column attempt_id), into the tables of schema `made`.
-- What stands once for an account and quiz, or account and course, follows from all attempts of that pair.

create or replace macro fraction(attempt, slot, revision) as
    list_extract([0, 0.25, 0.3333333, 0.5, 1, 1]::decimal(20, 7)[], 1 + chance(attempt * 8 + slot, revision, 6));
create or replace macro steps_of(slots, slot) as
    case slots
        when 3 then case when slot = 1 then 4 else 3 end
        when 4 then case when slot <= 2 then 3 else 2 end
        else 2
    end;
create or replace macro steps_before(slots, slot) as
    case slots
        when 3 then list_extract([0, 4, 7], slot)
        when 4 then list_extract([0, 3, 6, 8], slot)
        else (slot - 1) * 2
    end;
create or replace macro graded_as(mark) as
    case when mark = 0 then 'gradedwrong' when mark = 1 then 'gradedright' else 'gradedpartial' end;

create or replace temp table chosen as
select attempts.*, pairs.userid, pairs.quiz, pairs.enrolment, pairs.place, slots_of(pairs.quiz) as slots
from attempts
inner join pairs using (pair)
where attempts.attempt_id in (select attempt_id from picked);

-- Touching an attempt marks its first question again.
create or replace temp table answered as
select
    chosen.* exclude (slots),
    chosen.slots,
    slot,
    steps_of(chosen.slots, slot) as steps,
    case when state = 'finished' then fraction(attempt_id, slot, case when slot = 1 then revision else 0 end) end as mark
from chosen, range(1, 6) as t(slot)
where slot <= chosen.slots;

insert into made.question_usages by name
select attempt_id as id, module_context(quiz) as contextid, 'mod_quiz' as component,
    'deferredfeedback' as preferredbehaviour
from chosen;

insert into made.question_attempts by name
select
    attempt_id * 5 + slot as id, attempt_id as questionusageid, slot, 'deferredfeedback' as behaviour,
    (quiz - 1) * 5 + slot as questionid, 1 as variant, max_mark(slot) as maxmark, 0 as minfraction, 1 as maxfraction,
    case when steps > 2 or state = 'finished' then 'Answer ' || chance(attempt_id, slot, 40) end as responsesummary,
    case
        when slot = 1 and revision > 0 then modified_at
        when state = 'finished' then finished_at
        else started_at + 20 * (steps - 1)
    end as timemodified
from answered;

insert into made.question_attempt_steps by name
with numbered as (
    select answered.*, sequence, attempt_id * 16 + steps_before(slots, slot) + sequence as step
    from answered, range(0, 4) as t(sequence)
    where sequence < steps
)

select
    step as id,
    attempt_id as questionusageid,
    attempt_id * 5 + slot as questionattemptid,
    sequence as sequencenumber,
    case
        when sequence = 0 then 'todo'
        when sequence < steps - 1 or state <> 'finished' then 'complete'
        else graded_as(fraction(attempt_id, slot, 0))
    end as state,
    case when sequence = steps - 1 and state = 'finished' then fraction(attempt_id, slot, 0) end as fraction,
    case when sequence = steps - 1 and state = 'finished' then finished_at else started_at + 20 * sequence end
        as timecreated,
    userid
from numbered
union all by name
select
    touches.attempt_id * 16 + 9 + touches.revision as id,
    touches.attempt_id as questionusageid,
    touches.attempt_id * 5 + 1 as questionattemptid,
    answered.steps + touches.revision - 1 as sequencenumber,
    'man' || replace(graded_as(fraction(touches.attempt_id, 1, touches.revision)), 'graded', 'gr') as state,
    fraction(touches.attempt_id, 1, touches.revision) as fraction,
    touches.touched_at as timecreated,
    3 + answered.place as userid
from touches
inner join answered on touches.attempt_id = answered.attempt_id and answered.slot = 1;

create or replace temp table marked as
select attempt_id, cast(round(sum(mark * (1 + slot % 2)), 5) as decimal(18, 5)) as marks
from answered
group by attempt_id;

update attempts set marks = marked.marks
from marked
where attempts.attempt_id = marked.attempt_id;

insert into made.quiz_attempts by name
select
    attempt_id as id, quiz, userid, attempt, attempt_id as uniqueid,
    array_to_string([slot || ',0' for slot in range(1, slots + 1)], ',') as layout, chosen.state,
    started_at as timestart, finished_at as timefinish, modified_at as timemodified, marked.marks as sumgrades
from chosen
inner join marked using (attempt_id);

insert into made.logstore_standard_log by name
select
    attempt_id * 2 - 1 + moment as id,
    ['\mod_quiz\event\attempt_started', '\mod_quiz\event\attempt_submitted'][moment + 1] as eventname,
    'mod_quiz' as component, ['started', 'submitted'][moment + 1] as action, 'attempt' as target,
    'quiz_attempts' as objecttable, attempt_id as objectid, ['c', 'u'][moment + 1] as crud, 2 as edulevel,
    module_context(quiz) as contextid, 70 as contextlevel, quiz + 10 as contextinstanceid, userid, place + 2 as courseid,
    userid as relateduserid,
    case when moment = 1 then '{"submitterid":"' || userid || '","quizid":"' || quiz || '","studentisonline":true}' end
        as other,
    case when moment = 1 then finished_at else started_at end as timecreated, 'web' as origin
from chosen, range(2) as t(moment)
where (moment = 0 or state = 'finished') and revision = 0;

create or replace temp table touched_pairs as
select distinct pair from chosen;

create or replace temp table graded as
with counted as (
    select
        pair,
        max(marks) as highest,
        sum(marks) as total,
        count(marks) as marked,
        arg_min_null(marks, attempt) as first,
        arg_max_null(marks, attempt) as last,
        max(modified_at) as modified_at,
        max(finished_at) as submitted_at
    from attempts
    where pair in (select pair from touched_pairs) and state in ('finished', 'abandoned')
    group by pair
)

select
    counted.pair, pairs.enrolment, pairs.userid, pairs.place, pairs.quiz, counted.modified_at, counted.submitted_at,
    cast(round(
        case quiz.grademethod when 1 then highest when 2 then total when 3 then first else last end
        * quiz.grade / (case when quiz.grademethod = 2 then marked else 1 end * quiz.sumgrades), 5
    ) as decimal(18, 5)) as grade
from counted
inner join pairs using (pair)
inner join site.quiz on pairs.quiz = quiz.id
where case quiz.grademethod when 3 then first when 4 then last else highest end is not null;

insert into made.quiz_grades by name
select pair as id, quiz, userid, grade, modified_at as timemodified
from graded;

insert into made.course_modules_completion by name
select pair as id, quiz + 10 as coursemoduleid, userid, case when grade >= 5 then 2 else 3 end as completionstate,
    modified_at as timemodified
from graded;

insert into made.course_modules_viewed by name
select pairs.pair as id, pairs.quiz + 10 as coursemoduleid, pairs.userid, min(attempts.started_at) as timecreated
from pairs
inner join attempts using (pair)
where pairs.pair in (select pair from touched_pairs)
group by all;

insert into made.grade_grades by name
select
    pair as id, place * 6 + (quiz - 1) % 5 + 2 as itemid, userid, grade as rawgrade, 10 as rawgrademax,
    userid as usermodified, grade as finalgrade, submitted_at as timecreated, modified_at as timemodified,
    'used' as aggregationstatus, 0.33333 as aggregationweight
from graded;

-- The total of a course follows from all its grades: those made just now, and those that stood before.
insert into made.grade_grades by name
with standing as (
    select pair as grade_id, grade, modified_at from graded
    union all
    select id as grade_id, finalgrade as grade, timemodified as modified_at
    from site.grade_grades
    where id not in (select pair from graded)
)

select
    3 * 4 * getvariable('learners') + pairs.enrolment as id, pairs.place * 6 + 1 as itemid, pairs.userid,
    10 * count(*) as rawgrademax, sum(standing.grade) as finalgrade, max(standing.modified_at) as timemodified
from standing
inner join pairs on standing.grade_id = pairs.pair
where pairs.enrolment in (select enrolment from chosen)
group by pairs.enrolment, pairs.place, pairs.userid;

insert into made.grade_grades_history by name
select
    getvariable('last_history') + row_number() over (order by id) as id, 2 as action, id as oldid, 'mod/quiz' as source,
    timemodified, userid as loggeduser, itemid, userid, rawgrade, rawgrademax, finalgrade
from made.grade_grades;

insert into made.course_completions by name
select
    pairs.enrolment as id, pairs.userid, pairs.place + 2 as course, getvariable('starts_at') as timeenrolled,
    min(attempts.started_at) as timestarted,
    case when chance(pairs.enrolment, 'completed', 3) = 0 then min(attempts.started_at) + 30 * 86400 end as timecompleted
from pairs
inner join attempts using (pair)
where pairs.enrolment in (select enrolment from chosen)
group by pairs.enrolment, pairs.userid, pairs.place;

insert into made.local_iomad_track by name
select id, course as courseid, userid, timecompleted, timeenrolled, timestarted, 0 as finalscore,
    (userid - learner_id(0)) % 100 + 1 as companyid, timeenrolled as modifiedtime
from made.course_completions;
