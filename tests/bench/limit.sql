-- The limit of a full build: attempts with their questions' results, and quiz grades held against Moodle's own, by hand.
-- Reads the Parquet files of one landed batch, so no row has an older version; writes two tables and nothing between.
-- {landing} is the folder of the source.
create table attempts as
with standing as (
    select
        questionattemptid,
        arg_max(state, sequencenumber) as state,
        arg_max_null(fraction, sequencenumber) as fraction,
        min(timecreated) as first_at,
        max(timecreated) as last_at
    from read_parquet('{landing}/question_attempt_steps/*.parquet')
    group by questionattemptid
),

questions as (
    select
        q.questionusageid,
        count(*) as items_total,
        count(*) filter (where s.state not in ('todo', 'gaveup')) as items_answered,
        sum(q.maxmark * q.minfraction) as least_mark,
        sum(q.maxmark * q.maxfraction) as greatest_mark,
        count(*) filter (where s.fraction not between q.minfraction and q.maxfraction) as out_of_bounds,
        min(s.first_at) as first_at,
        max(s.last_at) as last_at
    from read_parquet('{landing}/question_attempts/*.parquet') as q
    left join standing as s on q.id = s.questionattemptid
    group by q.questionusageid
),

joined as (
    select
        a.*,
        z.course,
        z.grademethod,
        z.sumgrades as quiz_sum,
        z.grade as quiz_grade,
        i.gradepass,
        a.preview = 0 and a.state in ('finished', 'abandoned', 'submitted') as is_counted,
        questions.* exclude (questionusageid)
    from read_parquet('{landing}/quiz_attempts/*.parquet') as a
    left join questions on a.uniqueid = questions.questionusageid
    left join read_parquet('{landing}/quiz/*.parquet') as z on a.quiz = z.id
    left join read_parquet('{landing}/grade_items/*.parquet') as i
        on i.itemtype = 'mod' and i.itemmodule = 'quiz' and a.quiz = i.iteminstance and i.itemnumber = 0
),

ranked as (
    select
        *,
        row_number() over (partition by quiz, userid, preview order by attempt) = 1 as is_first,
        row_number() over (partition by quiz, userid, preview order by attempt desc) = 1 as is_last,
        row_number() over (
            partition by quiz, userid, is_counted
            order by case when grademethod = 1 then -sumgrades end nulls last,
                case when grademethod = 4 then -attempt else attempt end
        ) = 1 as is_graded
    from joined
)

select
    'campus:quiz:' || id as attempt_key, 'campus:quiz:' || quiz as activity_key, 'campus:' || course as course_key,
    userid, attempt, state, preview, is_counted, is_first, is_last, is_counted and is_graded as is_graded_attempt,
    to_timestamp(timestart) as started_at, to_timestamp(timefinish) as submitted_at, to_timestamp(last_at) as last_at,
    timefinish - timestart as duration_seconds, sumgrades as raw_score, greatest_mark as max_score,
    round(sumgrades / quiz_sum, 7) as score_scaled, round(sumgrades * quiz_grade / quiz_sum, 5) >= gradepass as is_passed,
    items_total, items_answered, least_mark, out_of_bounds, quiz, quiz_sum, quiz_grade, grademethod
from ranked;

create table grades as
with computed as (
    select
        quiz,
        userid,
        any_value(activity_key) as activity_key,
        count(*) as attempts_counted,
        round(
            case any_value(grademethod)
                when 1 then max(raw_score)
                when 2 then sum(raw_score) / count(raw_score)
                when 3 then arg_min_null(raw_score, attempt)
                when 4 then arg_max_null(raw_score, attempt)
            end * any_value(quiz_grade) / any_value(quiz_sum), 5
        ) as computed_grade
    from attempts
    where is_counted
    group by quiz, userid
)

select
    coalesce(c.activity_key, 'campus:quiz:' || g.quiz) as activity_key, coalesce(c.userid, g.userid) as userid,
    c.attempts_counted, c.computed_grade, g.grade, abs(g.grade - c.computed_grade) <= 0.00001 as is_match
from computed as c
full join read_parquet('{landing}/quiz_grades/*.parquet') as g on c.quiz = g.quiz and c.userid = g.userid;
