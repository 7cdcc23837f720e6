"""IOMAD: companies with departments, their people and courses, and its own track of enrolments and completions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from ingestion.demo.catalogue import COMPANIES
from ingestion.demo.courses import Course, category_id
from ingestion.demo.people import People
from ingestion.demo.world import NOW, World

if TYPE_CHECKING:
    from ingestion.demo.completion import Standing
    from ingestion.demo.gradebook import Gradebook
    from ingestion.demo.gradeitems import GradeItem


def make_companies(world: World, people: People, courses: list[Course]) -> dict[int, list[int]]:
    """Companies and all that hangs on them. Returns the companies of each person, by user id.

    The third company is empty; the second is a child of the first; every ninth student is in both, every seventh of the
    first company's in two of its departments.
    """
    db = world.db
    departments: list[list[int]] = []
    for number, (name, short, code, category, parent, parts) in enumerate(COMPANIES, start=1):
        names = [company[0] for company in COMPANIES]
        db.add(
            "company", name=name, shortname=short, code=code, city="Castelló", country="ES",
            category=category_id(category), parentid=names.index(parent) + 1 if parent else 0,
            address="Avinguda de la Llum 1", timezone="99", lang="es",
        )  # fmt: skip
        top = db.add("department", name=name, shortname=short, company=number, parent=0)
        made: dict[str | None, int] = {None: top}
        for part, part_short, above in parts:
            made[part] = db.add("department", name=part, shortname=part_short, company=number, parent=made[above])
        departments.append(list(made.values()))
    _make_company_courses(world, courses, departments)
    return _make_company_users(world, people, departments)


def _make_company_courses(world: World, courses: list[Course], departments: list[list[int]]) -> None:
    owner = {"PRL": 1, "ONB27": 1, "DEU-B1": 1, "DATA1": 2, "NET": 2}
    for course in courses:
        company = owner.get(course.plan.short_name)
        shared = 1 if course.plan.shared else 0
        world.db.add("iomad_courses", courseid=course.id, licensed=0, shared=shared, validlength=365 if shared else 0)
        if company:
            world.db.add(
                "company_course", companyid=company, courseid=course.id, departmentid=departments[company - 1][0]
            )
        if shared:
            for number in range(1, len(COMPANIES) + 1):
                world.db.add("company_shared_courses", companyid=number, courseid=course.id)


def _make_company_users(world: World, people: People, departments: list[list[int]]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}

    def join(user_id: int, company: int, place: int, manager: int = 0, educator: int = 0, suspended: int = 0) -> None:
        world.db.add(
            "company_users", companyid=company, userid=user_id, departmentid=departments[company - 1][place],
            managertype=manager, educator=educator, suspended=suspended, lastused=NOW if manager else None,
        )  # fmt: skip
        if company not in members.setdefault(user_id, []):
            members[user_id].append(company)

    join(people.staff[0].id, 1, 0, manager=1, educator=1)
    join(people.staff[1].id, 2, 0, manager=1)
    join(people.staff[2].id, 1, 2, manager=2)
    living = [person for person in people.students if person.deleted_at is None]
    for number, person in enumerate(living):
        if number % 10 == 9:
            continue
        company = 2 if number % 3 == 2 else 1
        parts = len(departments[company - 1])
        join(person.id, company, number % parts, suspended=int(person.suspended))
        if number % 9 == 1:
            join(person.id, 3 - company, 0)
        if company == 1 and number % 7 == 0:
            join(person.id, 1, (number + 1) % parts)
    return members


def write_track(
    world: World,
    members: dict[int, list[int]],
    standings: Sequence[Standing],
    book: Gradebook,
    items: dict[int, list[GradeItem]],
) -> None:
    """One row of local_iomad_track for each company member in each course of the companies."""
    for standing in standings:
        learner = standing.learner
        course, user_id = learner.course, learner.person.id
        if user_id not in members or learner.since > NOW:
            continue
        started = min((moment for _, moment in standing.states.values()), default=0)
        total = book.rows.get((items[course.id][0].id, user_id))
        score = total.final if total is not None and total.final is not None else Decimal(0)
        world.db.add(
            "local_iomad_track", courseid=course.id, coursename=course.plan.full_name, userid=user_id,
            companyid=members[user_id][0], timeenrolled=learner.since, timestarted=started or learner.since,
            timecompleted=standing.completed_at or None, finalscore=score if standing.completed_at else Decimal(0),
            modifiedtime=standing.completed_at or started or learner.since, coursecleared=0,
        )  # fmt: skip
