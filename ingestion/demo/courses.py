"""Categories, courses, sections and activities, with a context for each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ingestion.demo.catalogue import BY_PARTS, CATEGORIES, COURSES, UNGRADED, CoursePlan, QuizPlan, moment
from ingestion.demo.people import SITE_COURSE
from ingestion.demo.world import CATEGORY, COURSE, DAY, HOUR, MODULE, Place, World, at

MOST_PACKAGE_ATTEMPTS = 3
MODULES = ("assign", "choice", "exelearning", "forum", "page", "quiz", "resource", "scorm", "url")
SECTIONS = ("General", "Tema 1", "Tema 2", "Тема 3", "Examen")

_OPENED = at("2025-08-20T07:30:00")

# by module: (completion, completionview, completed by a grade); completion 1 is by hand, 2 automatic
_TRACKING = {
    "assign": (2, 0, True),
    "choice": (1, 0, False),
    "exelearning": (2, 1, False),
    "page": (2, 1, False),
    "quiz": (2, 0, True),
    "resource": (1, 0, False),
    "scorm": (1, 0, False),
}


@dataclass(slots=True)
class Activity:
    """One course module with its instance. `completion` is 0 none, 1 by hand, 2 automatic."""

    id: int
    course_id: int
    module: str
    instance: int
    name: str
    place: Place
    added: int
    completion: int
    by_view: bool
    by_grade: bool
    needs_pass: bool
    is_leaving: bool = False
    plan: QuizPlan | None = None

    @property
    def is_by_parts(self) -> bool:
        return self.module == "exelearning" and self.name in BY_PARTS

    @property
    def is_graded(self) -> bool:
        return self.module != "exelearning" or self.name not in UNGRADED


@dataclass(slots=True)
class Course:
    id: int
    plan: CoursePlan
    place: Place
    category_place: Place
    starts: int
    ends: int
    created: int
    activities: list[Activity] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)


def make_courses(world: World) -> list[Course]:
    """All courses of the catalogue, and the site course with a forum of its own."""
    for number, name in enumerate(MODULES, start=1):
        assert world.db.add("modules", name=name, visible=1) == number
    categories = _make_categories(world)
    world.db.add(
        "course", category=0, fullname="Campus de demostración", shortname="campus", format="site", startdate=0,
        timecreated=_OPENED, timemodified=_OPENED, newsitems=3,
    )  # fmt: skip
    made = [_make_course(world, plan, categories[plan.category]) for plan in COURSES]
    site_place = world.places[COURSE, SITE_COURSE]
    section = world.db.next_id("course_sections")
    news = _add_activity(world, SITE_COURSE, site_place, section, "forum", "Novedades del campus", _OPENED, 0)
    world.db.add("course_sections", course=SITE_COURSE, section=1, sequence=str(news.id), timemodified=_OPENED)
    return made


def _make_categories(world: World) -> dict[str, tuple[int, Place]]:
    made: dict[str, tuple[int, Place]] = {}
    paths: dict[str, tuple[str, int]] = {}
    for order, (name, parent) in enumerate(CATEGORIES, start=1):
        above = made[parent] if parent else None
        number = world.db.next_id("course_categories")
        path, depth = paths[parent] if parent else ("", 0)
        paths[name] = f"{path}/{number}", depth + 1
        world.db.add(
            "course_categories", name=name, parent=above[0] if above else 0, sortorder=order * 10_000,
            depth=depth + 1, path=paths[name][0], timemodified=_OPENED,
            coursecount=sum(plan.category == name for plan in COURSES),
        )  # fmt: skip
        made[name] = number, world.place(CATEGORY, number, above[1] if above else world.system)
    return made


def category_id(name: str) -> int:
    """The id of a category of the catalogue."""
    return 1 + [category[0] for category in CATEGORIES].index(name)


def _make_course(world: World, plan: CoursePlan, category: tuple[int, Place]) -> Course:
    starts = at(plan.starts) + 7 * HOUR
    created = max(_OPENED, starts - 90 * DAY)
    course_id = world.db.add(
        "course", category=category[0], fullname=plan.full_name, shortname=plan.short_name,
        idnumber=f"C-{plan.short_name}", startdate=starts, enddate=moment(plan.ends), visible=int(plan.visible),
        visibleold=int(plan.visible), enablecompletion=int(plan.completion), timecreated=created, timemodified=created,
        sortorder=category[0] * 10_000 + 1,
    )  # fmt: skip
    course = Course(
        id=course_id, plan=plan, place=world.place(COURSE, course_id, category[1]), category_place=category[1],
        starts=starts, ends=moment(plan.ends), created=created,
    )  # fmt: skip
    first_section = world.db.reserve("course_sections", len(SECTIONS))
    sequences: list[list[int]] = [[] for _ in SECTIONS]
    dice = world.dice(f"course {plan.short_name}")
    wanted: list[tuple[str, str, QuizPlan | None]] = [(module, name, None) for module, name in plan.activities]
    wanted += [("quiz", quiz.name, quiz) for quiz in plan.quizzes]
    for place, (module, name, quiz) in enumerate(wanted):
        number = min(place * len(SECTIONS) // len(wanted), len(SECTIONS) - 1)
        tracked = plan.completion and not (quiz and quiz.is_practice)
        activity = _add_activity(
            world, course_id, course.place, first_section + number, module, name, created + place * HOUR,
            _TRACKING.get(module, (0, 0, False))[0] if tracked else 0, quiz=quiz, dice=dice,
            is_leaving=name == plan.leaving,
        )  # fmt: skip
        sequences[number].append(activity.id)
        course.activities.append(activity)
    for number, (name, sequence) in enumerate(zip(SECTIONS, sequences, strict=True)):
        world.db.add(
            "course_sections", id=first_section + number, course=course_id, section=number,
            name=name if number else None, sequence=",".join(map(str, sequence)), timemodified=created,
        )  # fmt: skip
    return course


def _add_activity(
    world: World,
    course_id: int,
    within: Place,
    section: int,
    module: str,
    name: str,
    added: int,
    completion: int,
    quiz: QuizPlan | None = None,
    dice: random.Random | None = None,
    is_leaving: bool = False,
) -> Activity:
    _, view, by_grade = _TRACKING.get(module, (0, 0, False))
    # A quiz writes its instance itself, once its slots are known: see quizzes.py.
    instance = world.db.reserve("quiz", 1) if quiz else _add_instance(world, module, course_id, name, added)
    cm_id = world.db.add(
        "course_modules", course=course_id, module=MODULES.index(module) + 1, instance=instance, section=section,
        idnumber=f"Q-{instance}" if quiz and quiz.pass_grade else "", added=added, completion=completion,
        visible=int(module != "url"), completionview=view if completion == 2 else 0,
        completiongradeitemnumber=0 if by_grade and completion == 2 else None,
        completionpassgrade=int(bool(quiz and quiz.needs_pass)), deletioninprogress=int(is_leaving),
        completionexpected=added + 120 * DAY if dice and dice.random() < 0.1 else 0,
    )  # fmt: skip
    return Activity(
        id=cm_id, course_id=course_id, module=module, instance=instance, name=name,
        place=world.place(MODULE, cm_id, within), added=added, completion=completion,
        by_view=completion == 2 and bool(view), by_grade=completion == 2 and by_grade,
        needs_pass=bool(quiz and quiz.needs_pass), is_leaving=is_leaving, plan=quiz,
    )  # fmt: skip


def _add_instance(world: World, module: str, course_id: int, name: str, added: int) -> int:
    extra: dict[str, object] = {}
    if module == "scorm":
        extra = {"version": "SCORM_1.2", "maxgrade": 100.0, "grademethod": 1, "whatgrade": 0, "maxattempt": 0}
    elif module == "exelearning":
        extra = {
            "grademodel": int(name in BY_PARTS), "gradeenabled": int(name not in UNGRADED), "grademethod": 0,
            "maxattempt": MOST_PACKAGE_ATTEMPTS, "entryname": "index.html", "timecreated": added, "revision": 1,
        }  # fmt: skip
    elif module == "assign":
        extra = {"grade": 100}
    elif module == "forum":
        extra = {"type": "general" if course_id != SITE_COURSE else "news"}
    elif module == "url":
        extra = {"externalurl": "https://geogebra.example/"}
    return world.db.add(module, course=course_id, name=name, timemodified=added, **extra)
