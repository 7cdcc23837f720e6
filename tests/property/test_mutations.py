"""One landed value changes: whatever column it is in, models by touched keys must follow as a whole build would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from ingestion.contracts import Stream
from ingestion.frames import landed_schema
from ingestion.landing import Landing
from ingestion.moodle import KIND, contracts
from tests.property.histories import Machine
from tests.property.replay import Models, Warehouse

# A term in which everything that marts are made of comes about at least once.
TERM = [
    ("upgrade", 2, 0, 1), ("upgrade", 3, 0, 1), ("upgrade", 0, 0, 1), ("upgrade", 1, 0, 1),
    *(("attempt", quiz, user, state) for quiz in range(3) for user in range(4) for state in (1, 2, 4)),
    *(("store_grade", quiz, user, 10 + user) for quiz in range(3) for user in range(5)),
    *(("grade_by_hand", item, user, 5 + item) for item in range(5) for user in range(5)),
    *(("complete", module, user, 1 + user) for module in range(5) for user in range(5)),
    *(("feedback", quiz, 4, 7) for quiz in range(3)),
    *(("commit_package", activity, user, c) for activity in range(2) for user in range(4) for c in (0, 7, 15, 32, 41)),
    *(("report_scorm", scorm, user, c) for scorm in range(2) for user in range(4) for c in range(6)),
    *(("report_old_scorm", scorm, user, c) for scorm in range(2) for user in range(2) for c in range(6)),
    *(("log_package_event", activity, user, c) for activity in (0, 1, 2) for user in range(4) for c in (0, 1, 3, 4)),
    *(("log_quiz_event", attempt, 1, c) for attempt in range(6) for c in range(9)),
    ("log_reset", 0, 1, 1), ("log_package_event", 3, 1, 0),
    ("setting", 0, 1, 1), ("setting", 1, 1, 1), ("group", 0, 0, 1), ("role", 1, 1, 1), ("edit_user", 4, 0, 1),
]  # fmt: skip
ROWS = 3


@dataclass
class Changes:
    """A landing to which batches with one changed row are added, without a source."""

    machine: Machine
    warehouse: Warehouse

    @property
    def landing(self) -> Landing:
        return Landing(self.machine.folder / "landing")

    def rows(self, stream: Stream) -> pl.DataFrame:
        """Some landed rows, from both ends of the table, in the stream's own shape."""
        keys = ", ".join(stream.primary_key)
        listed = ", ".join(f'"{name}"' for name, _ in stream.landed)
        found = self.warehouse.rows(f"select {listed} from landing.{KIND}_{stream.name} order by {keys}")
        ends = found[:ROWS] + found[ROWS:][-ROWS:]
        return pl.DataFrame(ends, schema=dict(landed_schema(stream)), orient="row")

    def land(self, *rows: tuple[Stream, pl.DataFrame]) -> None:
        """Commit rows as one batch, in their order, load it and build by touched keys."""
        newest = self.landing.newest("campus")
        assert newest is not None
        with self.landing.begin("campus", KIND, "incremental", "normal", newest.cursor_after, newest.as_of) as batch:
            for stream, row in rows:
                batch.open_stream(stream.name, landed_schema(stream))
                batch.append(stream.name, row)
                batch.count(stream.name, received=1, accepted=1)
            batch.commit(newest.as_of, newest.cursor_after, contract_version=contracts().version)
        self.warehouse.load(self.landing)
        self.warehouse.build(all_tables=False)

    def has_like(self, stream: Stream, values: pl.DataFrame) -> bool:
        """Whether a landed row has just these values."""
        same = " and ".join(f'"{name}" is not distinct from ?' for name in values.columns)
        sql = f"select count(*) from landing.{KIND}_{stream.name} where {same}"
        return bool(self.warehouse.con.execute(sql, list(values.row(0))).fetchall()[0][0])

    def content(self) -> list[tuple[Any, ...]]:
        tables = ("fct_attempts", "fct_grades", "fct_activity_completions")
        return [row for t in tables for row in self.warehouse.rows(f"select bit_xor(hash({t})) from marts.{t}")]


@pytest.fixture
def changes(machine: Machine) -> Changes:
    machine.play(TERM)
    return Changes(machine, machine.one)


def streams(models: Models) -> Iterator[Stream]:
    yield from (s for s in contracts().streams if f"{KIND}_{s.name}" in models.landed and not s.is_personal)


# What Moodle's database keeps unique: no change may make two rows of these alike.
UNIQUE = {
    "config": ("name",),
    "exelearning_attempt": ("exelearningid", "userid", "attempt", "itemnumber"),
    "scorm_scoes_track": ("userid", "scormid", "scoid", "attempt", "element"),
    "course_modules_completion": ("coursemoduleid", "userid"),
    "grade_grades": ("itemid", "userid"),
    "question_attempt_steps": ("questionattemptid", "sequencenumber"),
    "question_attempts": ("questionusageid", "slot"),
    "quiz_attempts": ("quiz", "userid", "attempt"),
    "user_enrolments": ("enrolid", "userid"),
}


# What a column settles: that goes with it, as it does in Moodle's database.
SETTLES = {("question_attempt_steps", "questionattemptid"): ("questionusageid",)}


def changed(changes: Changes, stream: Stream, row: pl.DataFrame, column: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The row with another value in one column: one that the column has elsewhere, or one that it has nowhere."""
    value, dtype = row[column][0], row.schema[column]
    fresh = f"{value or ''}x" if dtype == pl.String else (value or 0) + 1000
    unique = UNIQUE.get(stream.name, ())
    for other in rows.filter(pl.col(column).ne_missing(pl.lit(value, dtype))).iter_slices(1):
        mutant = row.with_columns(other[column], *(other[name] for name in SETTLES.get((stream.name, column), ())))
        if column not in unique or not changes.has_like(stream, mutant.select(unique)):
            return mutant
    return row.with_columns(pl.Series(column, [fresh], dtype=dtype))


def test_every_column_that_incremental_models_read_is_followed(changes: Changes, models: Models) -> None:
    tried, followed = 0, set()
    last: list[tuple[Stream, pl.DataFrame]] = []
    for stream in streams(models):
        rows = changes.rows(stream)
        for column in (name for name, _ in stream.landed if name not in stream.primary_key and len(rows)):
            row, before = rows[tried % len(rows)], changes.content()
            mutant = changed(changes, stream, row, column, rows)
            changes.land(*last, (stream, mutant))
            stale = changes.warehouse.stale()
            assert stale == {}, f"{stream.name}.{column} from {row[column][0]!r} to {mutant[column][0]!r} left {stale}"
            if changes.content() != before:
                followed.add(f"{stream.name}.{column}")
            # The row goes back to what it was with the next change.
            last, tried = [(stream, row)], tried + 1
    assert tried > 150
    # The test would be worth nothing if what it changes did not show.
    assert len(followed) > 40, sorted(followed)
