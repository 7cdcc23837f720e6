"""Accounts: guest, administrator, staff and students, with names from several languages."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from ingestion.demo.names import NAMINGS
from ingestion.demo.world import COURSE, DAY, HOUR, NOW, SYSTEM, USER, World, at

SITE_COURSE = 1
GUEST, ADMIN = 1, 2
STAFF = 11

_OPENED = at("2025-08-20T07:30:00")

# id, short name, name, archetype; 9 is made by the site, with learners of its own
_ROLES = (
    (1, "manager", "", "manager"),
    (2, "coursecreator", "", "coursecreator"),
    (3, "editingteacher", "", "editingteacher"),
    (4, "teacher", "", "teacher"),
    (5, "student", "", "student"),
    (6, "guest", "", "guest"),
    (7, "user", "", "user"),
    (8, "frontpage", "", "frontpage"),
    (9, "externallearner", "Alumnado externo", "student"),
    (10, "companymanager", "Company Manager", "companymanager"),
)
MANAGER, TEACHER, TUTOR, STUDENT, EXTERNAL = 1, 3, 4, 5, 9


@dataclass(slots=True)
class Person:
    """One account. `ability` is in logits, 0 is average; who is `absent` never came; `deleted_at` is None for most."""

    id: int
    username: str
    given: str
    family: str
    language: str
    country: str
    time_zone: str
    created: int
    ability: float
    suspended: bool = False
    absent: bool = False
    confirmed: bool = True
    deleted_at: int | None = None

    @property
    def email(self) -> str:
        return f"{self.username}@campus.example"


@dataclass(slots=True)
class People:
    staff: list[Person]
    students: list[Person]


def make_people(world: World) -> People:
    """The system context, the roles, and everyone but their rows, which `write_people` adds once accesses are known."""
    world.place(SYSTEM, 0, None)
    world.place(COURSE, SITE_COURSE, world.system)
    for role_id, short_name, name, archetype in _ROLES:
        world.db.add("role", shortname=short_name, name=name, archetype=archetype, sortorder=role_id)
    dice = world.dice("people")
    made = [_person(number, dice) for number in range(3, 3 + STAFF - 1 + world.students)]
    staff, students = made[: STAFF - 1], made[STAFF - 1 :]
    for person in students[10:13]:
        person.suspended = True
    for person, days in zip(students[20:22], (40, 12), strict=True):
        person.deleted_at = NOW - days * DAY
    students[30].confirmed = False
    for person in students[40:44]:
        person.absent = True
    for user_id in (GUEST, ADMIN, *(person.id for person in made)):
        world.place(USER, user_id, world.system)
    return People(staff, students)


def _person(number: int, dice: random.Random) -> Person:
    # The first languages are the more frequent ones.
    naming = NAMINGS[min(int(dice.expovariate(0.35)), len(NAMINGS) - 1)]
    return Person(
        id=number,
        username=f"{naming.language[:2]}{number:04d}",
        given=dice.choice(naming.given),
        family=dice.choice(naming.family),
        language=naming.language,
        country=naming.country,
        time_zone=naming.time_zone if dice.random() < 0.3 else "99",
        created=_OPENED + dice.randrange(90 * DAY),
        ability=dice.gauss(0.3, 1.0),
    )


def write_people(world: World, people: People) -> None:
    """The account rows: first and last access as simulated, and password hashes that are never to be read."""
    dice = world.dice("accounts")
    world.db.add("user", username="guest", firstname="Guest user", lastname=" ", email="root@localhost", auth="manual")
    world.db.add(
        "user", username="admin", firstname="Admin", lastname="Usuario", email="admin@campus.example", lang="es",
        country="ES", password=_hash("admin"), firstaccess=_OPENED, lastaccess=NOW - HOUR, currentlogin=NOW - HOUR,
        lastip="203.0.113.7", timecreated=_OPENED, timemodified=_OPENED,
    )  # fmt: skip
    for person in (*people.staff, *people.students):
        seen = world.last_seen.get(person.id, 0)
        first = world.first_seen.get(person.id, 0)
        username, email, id_number = person.username, person.email, f"DNI-{person.id * 7919 % 99999999:08d}"
        if person.deleted_at is not None:
            username, id_number = f"{email}.{person.deleted_at}", ""
            email = hashlib.md5(person.username.encode(), usedforsecurity=False).hexdigest()
        world.db.add(
            "user", username=username, firstname=person.given, lastname=person.family, email=email, idnumber=id_number,
            password=_hash(person.username), phone1=f"+34 600 {dice.randrange(10**6):06d}", city="Castelló",
            address=f"Carrer Major {person.id}", country=person.country, lang=person.language,
            timezone=person.time_zone, deleted=int(person.deleted_at is not None), suspended=int(person.suspended),
            confirmed=int(person.confirmed), firstaccess=first, lastaccess=seen, lastlogin=max(seen - DAY, 0),
            currentlogin=seen, lastip=f"198.51.100.{person.id % 250}" if seen else "", timecreated=person.created,
            timemodified=person.deleted_at or person.created,
        )  # fmt: skip


def _hash(username: str) -> str:
    """What stands where Moodle keeps a password hash; recognisable, so that a leak can be searched for."""
    return f"$2y$10$demo-secret-{hashlib.sha256(username.encode()).hexdigest()[:22]}"


def write_cohorts(world: World, people: People) -> None:
    """Two cohorts of the whole site; people may be in both, deleted accounts in none."""
    living = [person for person in people.students if person.deleted_at is None]
    for name, id_number, step in (("Promoción 2025-26", "PROM26", 2), ("Beques Ñandú", "BECAS", 5)):
        cohort = world.db.add(
            "cohort", contextid=world.system.id, name=name, idnumber=id_number, timecreated=_OPENED,
            timemodified=_OPENED,
        )  # fmt: skip
        for person in living[::step]:
            world.db.add("cohort_members", cohortid=cohort, userid=person.id, timeadded=person.created + HOUR)
