"""Rules broken on purpose: each kind of test has to find them, or it proves nothing."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from ingestion.moodle import contracts
from tests.property.events import EVENTS, Event
from tests.property.histories import SYNCS, Machine
from tests.property.replay import Models
from tests.property.test_mutations import TERM, Changes

_TOUCHED = '"warehouse"."staging"."stg_touched__{}"'


def forgetful(models: Models, table: str, *forgotten: str) -> Models:
    """Models of which one list of touched keys does not look at what moved in some tables."""
    for name in forgotten:
        relation = _TOUCHED.format(name)
        models = models.broken(f"intermediate.{table}", relation, f"(select * from {relation} where false)")
    return models


def any_history(seed: int) -> list[Event]:
    chance = random.Random(seed)
    kinds = [*sorted(EVENTS) * 4, *SYNCS * 4]
    return [(chance.choice(kinds), *(chance.randrange(1000) for _ in range(3))) for _ in range(20)]


def play_many(machine: Machine) -> None:
    for seed in range(30):
        machine.play(any_history(seed))


@pytest.mark.parametrize(
    ("table", "forgotten"),
    [
        ("int_touched_gradebook", "grade_grades"),
        ("int_touched_quiz_accounts", "quiz_attempts"),
        ("int_touched_activity_completions", "course_modules_completion"),
    ],
)
def test_random_histories_find_a_list_that_forgets_a_table(
    models: Models, tmp_path: Path, table: str, forgotten: str
) -> None:
    machine = Machine(forgetful(models, table, forgotten), tmp_path)
    with pytest.raises(AssertionError, match="marts differ from those of a clean sync"):
        play_many(machine)


@pytest.mark.parametrize(
    ("table", "forgotten", "column", "value"),
    [
        ("int_touched_gradebook", "grade_items", "plusfactor", "3"),
        ("int_touched_gradebook", "config", "value", "0"),
        ("int_touched_quiz_accounts", "quiz", "grademethod", "3"),
        ("int_touched_quiz_accounts", "quiz_feedback", "feedbacktext", "Another"),
        ("int_touched_usages", "question", "length", "0"),
        ("int_touched_activity_completions", "course_modules", "instance", "3"),
        ("int_touched_exelearning_accounts", "exelearning", "grademethod", "4"),
        ("int_touched_scorm_accounts", "scorm_scoes_value", "value", "passed"),
    ],
)
def test_mutations_find_a_list_that_forgets_a_table(
    models: Models, tmp_path: Path, table: str, forgotten: str, column: str, value: str
) -> None:
    machine = Machine(forgetful(models, table, forgotten), tmp_path)
    machine.play(TERM)
    changes = Changes(machine, machine.one)
    (stream,) = (s for s in contracts().streams if s.name == forgotten)
    for row in changes.rows(stream).iter_slices(1):
        changes.land((stream, row.with_columns(pl.lit(value).cast(row.schema[column]).alias(column))))
    assert changes.warehouse.stale() != {}
