"""The question bank of each course: categories, entries, versions; and the slots of quizzes that use them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from decimal import Decimal

from ingestion.demo.courses import Activity, Course
from ingestion.demo.world import HOUR, World, at

ZERO, ONE = Decimal(0), Decimal(1)
_THIRD = Decimal("0.3333333")

# A second version of some questions, which later attempts get.
REVISED = at("2026-04-01T08:00:00")

# Fractions, by type, that a wrong or half right answer may get
PARTIAL: dict[str, tuple[Decimal, ...]] = {
    "multichoice": (ZERO,),
    "truefalse": (ZERO,),
    "shortanswer": (ZERO, ZERO, Decimal("0.8")),
    "numerical": (ZERO, Decimal("0.5")),
    "match": (ZERO, Decimal("0.25"), Decimal("0.5"), Decimal("0.75")),
    "essay": (Decimal("0.2"), Decimal("0.45"), Decimal("0.6"), _THIRD * 2, Decimal("0.85"), Decimal("0.9")),
}
PENALTY = -_THIRD

_WORDS = ("Zuerst", "¿Qué es", "Calculeu", "Explain", "Relaciona", "Välj", "Чому", "لماذا", "为什么", "Quin")


@dataclass(slots=True)
class Question:
    """One entry of the bank. `versions` are its question ids, oldest first."""

    entry: int
    kind: str
    versions: list[int]
    difficulty: float

    def version_at(self, moment: int) -> int:
        """The question id that an attempt started at this moment gets."""
        return self.versions[-1] if moment >= REVISED else self.versions[0]


@dataclass(slots=True)
class Slot:
    """One slot of a quiz; a random slot has several candidates."""

    id: int
    number: int
    page: int
    max_mark: Decimal
    candidates: list[Question]
    min_fraction: Decimal
    max_fraction: Decimal

    @property
    def kind(self) -> str:
        return self.candidates[0].kind


class Bank:
    """The question bank of one course."""

    def __init__(self, world: World, course: Course, author: int) -> None:
        self._world, self._course, self._author = world, course, author
        self._dice: random.Random = world.dice(f"questions {course.plan.short_name}")
        short = course.plan.short_name
        top = self._category("top", 0)
        self._default = self._category(f"Por defecto en {short}", top)
        self._pool_category = self._category(f"Examen {short}: al azar", self._default)
        self._pool: list[Question] = []

    def _category(self, name: str, parent: int) -> int:
        stamp = f"campus.example+{self._course.id}+{name}"
        return self._world.db.add(
            "question_categories", name=name, contextid=self._course.place.id, parent=parent, stamp=stamp
        )

    def question(self, kind: str, mark: Decimal, category: int | None = None, is_penal: bool = False) -> Question:
        """A new entry of the bank; a third of them get a second version in April."""
        db, created = self._world.db, self._course.created + HOUR
        entry = db.add(
            "question_bank_entries", questioncategoryid=category or self._default, ownerid=self._author,
            idnumber=f"{self._course.plan.short_name}-{db.next_id('question_bank_entries')}",
        )  # fmt: skip
        moments = (created, REVISED) if self._dice.random() < 1 / 3 and created < REVISED else (created,)
        versions = []
        for number, moment in enumerate(moments, start=1):
            question_id = db.add(
                "question", name=f"{self._dice.choice(_WORDS)} {kind} {entry}", qtype=kind, defaultmark=mark,
                questiontext=f"<p>{kind} {entry} v{number}</p>", penalty=_THIRD if not is_penal else ONE,
                length=0 if kind == "description" else 1, stamp=f"campus.example+{entry}+{number}",
                timecreated=moment, timemodified=moment, createdby=self._author, modifiedby=self._author,
            )  # fmt: skip
            db.add("question_versions", questionbankentryid=entry, version=number, questionid=question_id)
            versions.append(question_id)
        return Question(entry, kind, versions, self._dice.gauss(0, 0.9))

    def _random_candidates(self) -> list[Question]:
        if not self._pool:
            kinds = ("multichoice", "truefalse", "numerical", "shortanswer")
            self._pool = [self.question(kinds[number % 4], ONE, self._pool_category) for number in range(12)]
        return self._pool

    def make_slots(self, quiz: Activity, grade_items: list[int]) -> list[Slot]:
        """The quiz's slots with the references to their questions; two questions a page."""
        assert quiz.plan is not None
        db, made = self._world.db, []
        confidence = quiz.plan.behaviour == "deferredcbm"
        for number, (kind, text) in enumerate(quiz.plan.questions, start=1):
            mark = Decimal(text)
            page = (number + 1) // 2
            slot_id = db.add(
                "quiz_slots", slot=number, quizid=quiz.instance, page=page, maxmark=mark, displaynumber=None,
                quizgradeitemid=grade_items[number % len(grade_items)] if grade_items else None,
            )  # fmt: skip
            place = {
                "usingcontextid": quiz.place.id, "component": "mod_quiz", "questionarea": "slot", "itemid": slot_id,
            }  # fmt: skip
            if kind == "random":
                chosen = self._random_candidates()
                category = {
                    "jointype": 1,
                    "values": [self._pool_category],
                    "filteroptions": {"includesubcategories": False},
                }
                condition = json.dumps({"filter": {"category": category}}, separators=(",", ":"))
                db.add(
                    "question_set_references",
                    questionscontextid=self._course.place.id,
                    filtercondition=condition,
                    **place,
                )
            else:
                chosen = [self.question(kind, mark, is_penal=quiz.plan.is_penal)]
                db.add("question_references", questionbankentryid=chosen[0].entry, version=None, **place)
            lowest = Decimal(-6) if confidence else PENALTY if quiz.plan.is_penal and kind == "multichoice" else ZERO
            made.append(Slot(slot_id, number, page, mark, chosen, lowest, Decimal(3) if confidence else ONE))
        return made
