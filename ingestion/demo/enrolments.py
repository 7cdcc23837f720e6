"""Who is in which course, since when and until when; roles, groups, and the companies' people."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ingestion.demo.courses import Course
from ingestion.demo.people import EXTERNAL, MANAGER, STUDENT, TEACHER, TUTOR, People, Person
from ingestion.demo.world import DAY, HOUR, NOW, World, at

MANUAL, SELF, COHORT = "manual", "self", "cohort"
FOREVER = 2**40

# What is out of the ordinary about a learner of a course, by place among the shuffled learners: the same for any seed.
ORDINARY, SUSPENDED, ENDED, GONE, RETURNED, FUTURE, TWICE, OUTSIDER, CLOSED_METHOD = range(9)
_SITUATIONS = {
    1: SUSPENDED,
    3: ENDED,
    5: GONE,
    7: RETURNED,
    9: FUTURE,
    11: TWICE,
    13: OUTSIDER,
    15: CLOSED_METHOD,
    17: GONE,
}


@dataclass(slots=True)
class Learner:
    """One student in one course. Attempts happen between `since` and `until`; `left_at` is an unenrolment."""

    person: Person
    course: Course
    situation: int
    since: int
    until: int
    left_at: int | None = None
    returned_at: int | None = None
    groups: list[int] = field(default_factory=list)

    @property
    def is_member(self) -> bool:
        """Whether an enrolment row stands today."""
        return self.person.deleted_at is None and (self.left_at is None or self.returned_at is not None)


@dataclass(slots=True)
class Classes:
    """Learners and teachers of each course, by course id."""

    learners: dict[int, list[Learner]]
    teachers: dict[int, list[Person]]


def enrol_everyone(world: World, people: People, courses: list[Course]) -> Classes:
    """Enrolment methods, enrolments, role assignments and groups of all courses."""
    dice = world.dice("enrolments")
    taken: dict[int, list[Person]] = {course.id: [] for course in courses}
    running, planned = courses[:-1], courses[-1]
    for person in people.students:
        for course in dice.sample(running, dice.choice((2, 3, 3, 4))):
            taken[course.id].append(person)
    taken[planned.id] = people.students[::6]
    classes = Classes({}, {})
    _assign_managers(world, people, courses)
    for place, course in enumerate(courses):
        members = taken[course.id]
        dice.shuffle(members)
        teachers = [people.staff[place % len(people.staff)], people.staff[(place + 3) % len(people.staff)]]
        classes.teachers[course.id] = teachers
        methods = _make_methods(world, course)
        for teacher, role in zip(teachers, (TEACHER, TUTOR), strict=True):
            joined = max(course.created, teacher.created + HOUR)
            _enrol(world, methods[MANUAL], teacher.id, joined, 0)
            _assign(world, role, course, teacher, joined)
            world.see(teacher.id, course.id, NOW - DAY - teacher.id * 977 % DAY)
        learners = [_learner(world, course, person, number, dice) for number, person in enumerate(members)]
        classes.learners[course.id] = learners
        for learner in learners:
            _write_learner(world, learner, methods, dice)
        _make_groups(world, course, learners, dice)
    return classes


def _assign_managers(world: World, people: People, courses: list[Course]) -> None:
    """A manager of the whole site and one of a category: no learners, and no members of any course."""
    for person, place in ((people.staff[8], world.system), (people.staff[9], courses[1].category_place)):
        world.db.add(
            "role_assignments", roleid=MANAGER, contextid=place.id, userid=person.id, timemodified=person.created
        )


def _make_methods(world: World, course: Course) -> dict[str, int]:
    """Ids of the course's enrolment methods; `closed` is a second self enrolment that was switched off."""
    made = {}
    for order, (key, method, status, role) in enumerate(
        (
            (MANUAL, "manual", 0, STUDENT),
            ("guest", "guest", 1, 0),
            (SELF, "self", 0, STUDENT),
            ("closed", "self", 1, STUDENT),
        )
    ):
        made[key] = world.db.add(
            "enrol", enrol=method, status=status, courseid=course.id, sortorder=order, roleid=role,
            name="Matrícula antigua" if key == "closed" else None, enrolstartdate=0, enrolenddate=0, enrolperiod=0,
            password="demo-secret-key" if key == SELF else "", timecreated=course.created, timemodified=course.created,
        )  # fmt: skip
    return made


def _learner(world: World, course: Course, person: Person, number: int, dice: random.Random) -> Learner:
    situation = _SITUATIONS.get(number, ORDINARY)
    if course.starts > NOW:
        situation = FUTURE
    elif person.deleted_at is not None:
        situation = ORDINARY
    since = max(person.created, course.starts - 10 * DAY) + dice.randrange(HOUR, 20 * DAY)
    learner = Learner(person, course, situation, max(since, person.created + HOUR), FOREVER)
    if situation == FUTURE:
        learner.since = NOW + dice.randrange(3 * DAY, 40 * DAY)
    elif situation in (SUSPENDED, ENDED, GONE, CLOSED_METHOD):
        learner.until = at("2026-05-04T10:00:00") + dice.randrange(30 * DAY)
    elif situation == RETURNED:
        learner.until = at("2026-05-25T10:00:00") + dice.randrange(6 * DAY)
        learner.returned_at = learner.until + 9 * DAY
    if situation in (GONE, RETURNED):
        learner.left_at = learner.until
    if person.deleted_at is not None:
        learner.until = person.deleted_at
    return learner


def _write_learner(world: World, learner: Learner, methods: dict[str, int], dice: random.Random) -> None:
    if not learner.is_member:
        return
    person, course, situation = learner.person, learner.course, learner.situation
    role = EXTERNAL if situation == OUTSIDER else STUDENT
    method = methods["closed"] if situation == CLOSED_METHOD else methods[SELF if dice.random() < 0.35 else MANUAL]
    start = learner.returned_at or learner.since
    created = min(start, NOW - DAY)
    if situation == SUSPENDED:
        _enrol(world, method, person.id, created, 0, status=1, modified=learner.until)
    elif situation == ENDED:
        _enrol(world, method, person.id, created, learner.until)
    elif situation == FUTURE:
        _enrol(world, method, person.id, created, 0, starts=learner.since)
    elif situation == TWICE:
        _enrol(world, methods[MANUAL], person.id, created, 0, status=1, modified=NOW - 30 * DAY)
        _enrol(world, methods[SELF], person.id, created + DAY, 0)
    else:
        _enrol(world, method, person.id, created, 0)
    _assign(world, role, course, person, created)


def _enrol(
    world: World,
    method: int,
    user_id: int,
    created: int,
    ends: int,
    *,
    starts: int | None = None,
    status: int = 0,
    modified: int | None = None,
) -> None:
    world.db.add(
        "user_enrolments", status=status, enrolid=method, userid=user_id,
        timestart=created if starts is None else starts, timeend=ends, timecreated=created,
        timemodified=modified or created, modifierid=2,
    )  # fmt: skip


def _assign(world: World, role: int, course: Course, person: Person, moment: int) -> None:
    world.db.add(
        "role_assignments", roleid=role, contextid=course.place.id, userid=person.id, timemodified=moment, modifierid=2
    )


def _make_groups(world: World, course: Course, learners: list[Learner], dice: random.Random) -> None:
    """Three groups; a tenth of the learners are in two of them, so that group overrides meet."""
    for name in ("Grupo A", "Grupo B · tarde", "Suport"):
        course.groups.append(
            world.db.add(
                "groups", courseid=course.id, name=name, timecreated=course.created, timemodified=course.created
            )
        )
    for learner in learners:
        if learner.is_member:
            learner.groups = dice.sample(course.groups, 2 if dice.random() < 0.1 else 1)
            for group in learner.groups:
                added = max(learner.returned_at or min(learner.since, NOW - DAY), course.created)
                world.db.add("groups_members", groupid=group, userid=learner.person.id, timeadded=added)


def write_last_accesses(world: World, classes: Classes) -> None:
    """Last access of each member to each course; whoever left the course or the site has none."""
    for course_id in sorted(classes.learners):
        members = [learner.person.id for learner in classes.learners[course_id] if learner.is_member]
        for user_id in (*(teacher.id for teacher in classes.teachers[course_id]), *members):
            seen = world.last_seen_in.get((user_id, course_id))
            if seen is not None:
                world.db.add("user_lastaccess", userid=user_id, courseid=course_id, timeaccess=seen)
