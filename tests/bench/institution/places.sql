-- Everything but attempts and what follows from them: settings, people, companies, courses, quizzes, enrolments.
-- Variables: seed, learners, courses (of 5 quizzes each), starts_at, now (seconds).

create macro chance(one, two, n) as cast(hash(one, two, getvariable('seed')) % n as bigint);
create macro slots_of(quiz) as 3 + quiz % 3;
create macro max_mark(slot) as cast(1 + slot % 2 as decimal(20, 7));
create macro course_context(place) as 1000 + place;
create macro module_context(quiz) as 1000 + getvariable('courses') + quiz;
create macro learner_id(learner) as 3 + getvariable('courses') + learner;

create table courses as
select
    place,
    place + 2 as course,
    3 + place as teacher
from range(getvariable('courses')) as t(place);

create table quizzes as
select
    courses.place * 5 + m + 1 as quiz,
    courses.place * 5 + m + 11 as module,
    courses.*,
    m
from courses, range(5) as t(m);

-- A learner's company has four courses, and the learner is enrolled in just those.
create table enrolled as
select
    learner * 4 + j + 1 as enrolment,
    learner,
    learner_id(learner) as userid,
    learner % 100 + 1 as company,
    ((learner % 100) * 4 + j) % getvariable('courses') as place
from range(getvariable('learners')) as t(learner), range(4) as u(j);

-- Three of the five quizzes of each course.
create table pairs as
select
    (enrolment - 1) * 3 + t + 1 as pair,
    enrolment,
    userid,
    place,
    place * 5 + (learner + t) % 5 + 1 as quiz
from enrolled, range(3) as v(t);

insert into site.config by name
select row_number() over () as id, name, value
from (values
    ('version', '2024100706'), ('release', '4.5.6 (Build: 20250811)'), ('branch', '405'),
    ('timezone', 'Europe/Madrid'), ('enablecompletion', '1'), ('unlimitedgrades', '0'), ('gradebookroles', '5'),
    ('disablegradehistory', '0'), ('gradehistorylifetime', '0'), ('grade_displaytype', '1'),
    ('grade_decimalpoints', '2'), ('grade_minmaxtouse', '1')
) as t(name, value);

insert into site.config_plugins by name
select row_number() over () as id, plugin, name, value
from (values
    ('mod_quiz', 'version', '2024100700'), ('logstore_standard', 'version', '2024100700'),
    ('local_iomad', 'version', '2024090500'), ('quiz', 'graceperiodmin', '60'),
    ('logstore_standard', 'loglifetime', '0'), ('logstore_standard', 'jsonformat', '1')
) as t(plugin, name, value);

insert into site.role by name
from (values
    (1, 'manager', 'manager', 1), (3, 'editingteacher', 'editingteacher', 3), (5, 'student', 'student', 5)
) as t(id, shortname, archetype, sortorder);

insert into site.modules by name
from (values
    (1, 'assign'), (2, 'choice'), (3, 'exelearning'), (4, 'forum'), (5, 'page'), (6, 'quiz'), (7, 'resource'),
    (8, 'scorm'), (9, 'url')
) as t(id, name);

insert into site.user by name
select
    id, 'es' as lang, 'ES' as country, 'user' || id as username, 'Name' || id as firstname,
    'Surname' || chance(id, 'surname', 5000) as lastname, 'user' || id || '@campus.example' as email,
    getvariable('starts_at') - 86400 as timecreated, getvariable('starts_at') as firstaccess,
    getvariable('now') - chance(id, 'seen', 86400 * 60) as lastaccess
from range(1, learner_id(getvariable('learners'))) as t(id);

insert into site.course_categories by name
select 1 as id, 'Courses' as name, 1 as depth, '/1' as path;

insert into site.course by name
select 1 as id, 0 as category, 'campus' as shortname, 'Campus' as fullname, 'site' as format;

insert into site.course by name
select
    course as id, 1 as category, 'C' || place as shortname, 'Course ' || place as fullname,
    getvariable('starts_at') as startdate, 1 as enablecompletion, getvariable('starts_at') - 86400 as timecreated,
    getvariable('starts_at') - 86400 as timemodified
from courses;

insert into site.context by name
select 1 as id, 10 as contextlevel, 0 as instanceid, '/1' as path, 1 as depth
union all by name
select 2 as id, 40 as contextlevel, 1 as instanceid, '/1/2' as path, 2 as depth
union all by name
select 3 as id, 50 as contextlevel, 1 as instanceid, '/1/3' as path, 2 as depth
union all by name
select course_context(place) as id, 50 as contextlevel, course as instanceid, '/1/2/' || id as path, 3 as depth
from courses
union all by name
select
    module_context(quiz) as id, 70 as contextlevel, module as instanceid,
    '/1/2/' || course_context(place) || '/' || id as path, 4 as depth
from quizzes
union all by name
select
    module_context(5 * getvariable('courses')) + id as id, 30 as contextlevel, user.id as instanceid,
    '/1/' || (module_context(5 * getvariable('courses')) + user.id) as path, 2 as depth
from site.user;

insert into site.course_sections by name
select place + 1 as id, course, string_agg(module, ',' order by module) as sequence, 1 as section
from quizzes
group by place, course;

insert into site.course_modules by name
select
    module as id, course, 6 as module, quiz as instance, place + 1 as section, getvariable('starts_at') - 86400 as added,
    2 as completion, 0 as completiongradeitemnumber
from quizzes;

insert into site.quiz by name
select
    quiz as id, course, 'Quiz ' || quiz as name, 'deferredfeedback' as preferredbehaviour, 1 + quiz % 4 as grademethod,
    69904 as reviewattempt, 69904 as reviewcorrectness, 69904 as reviewmaxmarks, 69904 as reviewmarks,
    list_sum([max_mark(slot) for slot in range(1, slots_of(quiz) + 1)]) as sumgrades, 10 as grade,
    getvariable('starts_at') - 86400 as timecreated, getvariable('starts_at') - 86400 as timemodified
from quizzes;

insert into site.activity_instances by name
select 'quiz' as module, id, course, name
from site.quiz;

insert into site.quiz_sections by name
select quiz as id, quiz as quizid, 1 as firstslot, '' as heading
from quizzes;

insert into site.quiz_feedback by name
select quiz * 2 - 1 as id, quiz as quizid, 'Well done' as feedbacktext, 5 as mingrade, 11 as maxgrade
from quizzes
union all by name
select quiz * 2 as id, quiz as quizid, 'Once more' as feedbacktext, 0 as mingrade, 5 as maxgrade
from quizzes;

insert into site.quiz_slots by name
select (quiz - 1) * 5 + slot as id, quiz as quizid, slot, slot as page, max_mark(slot) as maxmark
from quizzes, range(1, slots_of(quiz) + 1) as t(slot);

insert into site.question_categories by name
select place + 1 as id, 'Questions of C' || place as name, course_context(place) as contextid
from courses;

insert into site.question by name
select
    id, 'Question ' || id as name, 'multichoice' as qtype, maxmark as defaultmark,
    getvariable('starts_at') - 86400 as timecreated, getvariable('starts_at') - 86400 as timemodified
from site.quiz_slots;

insert into site.question_bank_entries by name
select slots.id, quizzes.place + 1 as questioncategoryid
from site.quiz_slots as slots
inner join quizzes on slots.quizid = quizzes.quiz;

insert into site.question_versions by name
select id, id as questionbankentryid, id as questionid
from site.question;

insert into site.question_references by name
select
    id, module_context(quizid) as usingcontextid, 'mod_quiz' as component, 'slot' as questionarea, id as itemid,
    id as questionbankentryid
from site.quiz_slots;

insert into site.enrol by name
select
    place + 1 as id, 'manual' as enrol, course as courseid, 5 as roleid, getvariable('starts_at') - 86400 as timecreated,
    getvariable('starts_at') - 86400 as timemodified
from courses;

insert into site.user_enrolments by name
select
    enrolment as id, place + 1 as enrolid, userid, getvariable('starts_at') as timestart, 0 as timeend,
    getvariable('starts_at') as timecreated, getvariable('starts_at') as timemodified
from enrolled;

insert into site.role_assignments by name
select
    enrolment as id, 5 as roleid, course_context(place) as contextid, userid, getvariable('starts_at') as timemodified
from enrolled
union all by name
select
    4 * getvariable('learners') + place + 1 as id, 3 as roleid, course_context(place) as contextid, teacher as userid,
    getvariable('starts_at') as timemodified
from courses;

insert into site.user_lastaccess by name
select
    enrolment as id, userid, place + 2 as courseid, getvariable('now') - chance(enrolment, 'seen', 86400 * 90) as timeaccess
from enrolled;

insert into site.groups by name
select place + 1 as id, course as courseid, 'Group' as name, getvariable('starts_at') as timecreated,
    getvariable('starts_at') as timemodified
from courses;

insert into site.groups_members by name
select enrolment as id, place + 1 as groupid, userid, getvariable('starts_at') as timeadded
from enrolled
where enrolment % 2 = 0;

insert into site.cohort by name
select 1 as id, 1 as contextid, 'Cohort' as name, getvariable('starts_at') as timecreated,
    getvariable('starts_at') as timemodified;

insert into site.cohort_members by name
select learner + 1 as id, 1 as cohortid, learner_id(learner) as userid, getvariable('starts_at') as timeadded
from range(0, getvariable('learners'), 10) as t(learner);

insert into site.company by name
select id, 'Company ' || id as name, 'co' || id as shortname, 1 as category
from range(1, 101) as t(id);

insert into site.department by name
select id, 'Company ' || id as name, 'co' || id as shortname, id as company
from range(1, 101) as t(id);

insert into site.company_users by name
select learner + 1 as id, learner % 100 + 1 as companyid, learner_id(learner) as userid, learner % 100 + 1 as departmentid
from range(getvariable('learners')) as t(learner);

insert into site.company_course by name
select row_number() over (order by company, place) as id, company as companyid, place + 2 as courseid,
    company as departmentid
from (select distinct company, place from enrolled);

insert into site.iomad_courses by name
select place + 1 as id, course as courseid, 2 as shared
from courses;

insert into site.grade_categories by name
select place + 1 as id, course as courseid, 1 as depth, '/' || id || '/' as path, '?' as fullname, 13 as aggregation
from courses;

insert into site.grade_items by name
select
    place * 6 + 1 as id, course as courseid, 'course' as itemtype, place + 1 as iteminstance, 50 as grademax,
    1 as sortorder, getvariable('starts_at') - 86400 as timecreated, getvariable('starts_at') - 86400 as timemodified
from courses;

insert into site.grade_items by name
select
    place * 6 + m + 2 as id, course as courseid, place + 1 as categoryid, 'Quiz ' || quiz as itemname, 'mod' as itemtype,
    'quiz' as itemmodule, quiz as iteminstance, 0 as itemnumber, 10 as grademax, 5 as gradepass, 0.2 as aggregationcoef2,
    m + 2 as sortorder, getvariable('starts_at') - 86400 as timecreated, getvariable('starts_at') - 86400 as timemodified
from quizzes;
