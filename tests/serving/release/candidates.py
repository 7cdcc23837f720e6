"""Small candidates, publishing them day by day, and a consumer that follows releases by their changes alone."""

import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from serving.release import Published, Releases, publish, rollback

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
KEYS = {"fct_grades": "grade_key", "dim_users": "user_key", "dim_courses": "course_key"}
GRADES = """
create table marts.fct_grades as
    select 'campus:' || i as grade_key, 'u' || (i % 7) as user_key, (i * 1.25)::decimal(12, 5) as grade,
           i::double / 3 as grade_scaled, i % 2 = 0 as is_passed, timestamptz '2026-01-01' + to_hours(i) as graded_at
    from range({rows}) r(i) order by hash(i);
create table marts.dim_users as select 'u' || i as user_key, 'campus' as source from range(7) r(i);
create table marts.dim_courses (course_key varchar, full_name varchar);
create table restricted.identities as select 'u' || i as user_key, 'Ada ' || i as first_name from range(7) r(i)
"""

Snapshot = dict[str, dict[str, frozenset[tuple[str, Any]]]]


@dataclass
class Workshop:
    """One data directory and the candidate that is published into it."""

    root: Path
    keys: dict[str, str] = field(default_factory=lambda: dict(KEYS))

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def candidate(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def releases(self) -> Releases:
        return Releases(self.data)

    def begin(self, rows: int = 20) -> "Workshop":
        """The usual candidate with three marts, one of them empty."""
        self.candidate.unlink(missing_ok=True)
        self.sql("create schema marts; create schema restricted;" + GRADES.format(rows=rows))
        return self

    def sql(self, statements: str) -> None:
        with duckdb.connect(str(self.candidate)) as connection:
            connection.execute(statements)

    def publish(self, day: float, **changes: Any) -> Published | None:
        return publish(self.candidate, self.data, **order(day, primary_keys=self.keys, **changes))

    def released(self, day: float, **changes: Any) -> Published:
        published = self.publish(day, **changes)
        assert published is not None
        return published

    def rollback(self, release_id: int, day: float, reason: str = "the grades were wrong") -> Published:
        return rollback(
            self.data,
            release_id,
            released_at=START + timedelta(days=day),
            keep_last=24,
            keep_hours=48,
            reason=reason,
        )

    def rows(self, query: str, release_id: int | None = None) -> list[tuple[Any, ...]]:
        """Rows of one query on a release's database, the live one by default; it is attached as `r`."""
        chosen = self.releases.current_id() if release_id is None else release_id
        assert chosen is not None
        return read(self.releases.path(chosen) / "rollbook.duckdb", query)


def fast_folder() -> str | None:
    """Memory for the tests' files, where the machine offers enough of it; flushing to a real disk only costs time."""
    memory = Path("/dev/shm")
    try:
        return str(memory) if shutil.disk_usage(memory).free > 1 << 30 else None
    except OSError:
        return None


def order(day: float, **changes: Any) -> dict[str, Any]:
    """The arguments of publish for a release at 8:00 on the given day."""
    return {
        "primary_keys": KEYS,
        "released_at": START + timedelta(days=day),
        "as_of": {"campus": (START + timedelta(days=day, hours=-1)).isoformat()},
        "cursors": {"campus": {"quiz_attempts": 17}},
        "versions": {"contracts": "1"},
        "checks": [{"check": "keys_are_unique", "passed": True}],
        "monitoring": {"alerts": pl.DataFrame({"alert": ["late"], "acknowledged_at": [None]})},
        "keep_last": 24,
        "keep_hours": 48,
        "reason": "scheduled",
    } | changes


def read(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{database}' as r (read_only)")
        return connection.execute(query).fetchall()


def snapshot(releases: Releases, release_id: int) -> Snapshot:
    """Every row of every mart of a release, with its stamps, by mart and key."""
    manifest = releases.manifest(release_id)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{releases.path(release_id)}/rollbook.duckdb' as r (read_only)")
        content: Snapshot = {}
        for mart, facts in manifest["marts"].items():
            result = connection.execute(f'select * from r.marts."{mart}"')
            columns = [column[0] for column in result.description]
            place = columns.index(facts["primary_key"])
            content[mart] = {
                str(row[place]): frozenset(zip(columns, map(_comparable, row), strict=True))
                for row in result.fetchall()
            }
    return content


def changes(path: Path) -> list[tuple[str, str, str, int]]:
    """(mart, key, op, release_id) in the order in which a consumer applies them."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        source = f"'{path}'"
        if path.suffix == ".duckdb":
            connection.execute(f"attach '{path}' as r (read_only)")
            source = "r.monitoring.changes"
        return connection.execute(f"select mart, key, op, release_id from {source} order by release_id").fetchall()


def apply(copy: Snapshot, steps: Iterable[tuple[str, str, str, int]], rows: Snapshot) -> Snapshot:
    """A consumer's copy after the changes; it fetches changed rows from `rows`, the release it catches up with.

    An insert of a key that it has, or an update or delete of one that it has not, is an error.
    """
    result = {mart: dict(content) for mart, content in copy.items()}
    for mart, key, op, _ in steps:
        content = result.setdefault(mart, {})
        assert (key in content) == (op != "insert"), (mart, key, op)
        if op == "delete":
            del content[key]
        else:
            content[key] = rows.get(mart, {}).get(key, frozenset())
    return {mart: content for mart, content in result.items() if content}


def filled(content: Snapshot) -> Snapshot:
    """Without empty marts, which no change can create."""
    return {mart: rows for mart, rows in content.items() if rows}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, to prove that nothing was touched."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def flip_byte(path: Path, at: float = 0.5) -> None:
    """Change one byte in a file, `at` being the place as a share of its size."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0x40
    path.write_bytes(bytes(content))


def _comparable(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, list):
        return tuple(value)
    return tuple(value.items()) if isinstance(value, Mapping) else value
