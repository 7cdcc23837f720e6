"""What the nouns of the demo share: the clock, the dice, places (contexts), and who was last seen where."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from ingestion.demo.write import Database

AS_OF = datetime(2026, 6, 30, 12, tzinfo=UTC)
NOW = int(AS_OF.timestamp())
HOUR = 3600
DAY = 24 * HOUR

SYSTEM, USER, CATEGORY, COURSE, MODULE = 10, 30, 40, 50, 70

_GRADE = Decimal("0.00001")


def at(text: str) -> int:
    """Seconds since 1970 of an ISO day or time, read as UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def grade(value: Decimal) -> Decimal:
    """The value as a NUMERIC(10,5) column keeps it: five decimals, half away from zero, never minus zero."""
    return value.quantize(_GRADE, ROUND_HALF_UP) + 0


@dataclass(frozen=True, slots=True)
class Place:
    """A row of mdl_context."""

    id: int
    level: int
    instance: int
    path: str
    depth: int


@dataclass(slots=True)
class World:
    """The institution in the making. `students` and `attempts` are the sizes asked for."""

    db: Database
    seed: int
    students: int
    attempts: int
    places: dict[tuple[int, int], Place] = field(default_factory=dict)
    last_seen: dict[int, int] = field(default_factory=dict)
    first_seen: dict[int, int] = field(default_factory=dict)
    last_seen_in: dict[tuple[int, int], int] = field(default_factory=dict)

    def dice(self, noun: str) -> random.Random:
        """A stream of its own for each noun, so that a change to one does not reshuffle the others."""
        return random.Random(f"{self.seed}:{noun}")

    def place(self, level: int, instance: int, within: Place | None) -> Place:
        """Add a context inside another one, None for the system's own."""
        place_id = self.db.next_id("context")
        path = f"{within.path if within else ''}/{place_id}"
        depth = within.depth + 1 if within else 1
        self.db.add("context", contextlevel=level, instanceid=instance, path=path, depth=depth)
        made = self.places[level, instance] = Place(place_id, level, instance, path, depth)
        return made

    @property
    def system(self) -> Place:
        return self.places[SYSTEM, 0]

    def see(self, user_id: int, course_id: int, moment: int) -> None:
        """Note that a person was in a course, for their first and last access."""
        self.last_seen[user_id] = max(self.last_seen.get(user_id, 0), moment)
        self.first_seen[user_id] = min(self.first_seen.get(user_id, moment), moment)
        key = user_id, course_id
        self.last_seen_in[key] = max(self.last_seen_in.get(key, 0), moment)
