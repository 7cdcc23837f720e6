"""Run tiles on one release: a read-only connection that can reach this release and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dashboards.published import Release, Status, UnreadableReleaseError
from dashboards.tile import Tile

# What tiles read of schema monitoring; a release that lacks one of them shows the tiles' empty states.
_STAND_INS = {
    "sync_runs": "source varchar, finished_at timestamptz, status varchar",
    "freshness": "source varchar, stale_reason varchar",
    "findings": "anomaly_key varchar, status varchar",
}
# The file itself is at fault, not a query: no tile of the page can be relied on.
_DAMAGE = (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException)
_FRESHNESS = Path(__file__).with_name("freshness.sql")


@dataclass(frozen=True)
class Scope:
    """The filters: a course's and a company's key; None is all of them."""

    course_key: str | None = None
    company_key: str | None = None

    @property
    def is_everything(self) -> bool:
        return self.course_key is None and self.company_key is None


@dataclass(frozen=True)
class Result:
    """A tile's rows; `error` is a sentence where the query could not be run."""

    rows: tuple[tuple[Any, ...], ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Choice:
    """One entry of a filter."""

    key: str
    label: str


class Reading:
    """Tiles and filters of one release, at one moment, in one scope.

    Tables of the schemas marts and monitoring need no prefix. Besides them a tile can use:
    `in_scope(course_key, user_key)`, true for rows of the chosen course and company; `source_freshness` and
    `open_alerts`, what the last run said; `getvariable('now')`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, tile: Tile) -> Result:
        """The tile's rows. A query that fails, or has other columns than the header, is a sentence and no exception.

        Raises duckdb.Error where the database itself is damaged, which open_release tells as UnreadableReleaseError.
        """
        try:
            answer = self._connection.execute(tile.sql)
            names = [column[0] for column in answer.description or ()]
            if names != [column.name for column in tile.columns]:
                return Result(error=f"Its query gives the columns {', '.join(names)}, not those of its header.")
            return Result(rows=tuple(answer.fetchall()))
        except _DAMAGE:
            raise
        except duckdb.Error as error:
            return Result(error=f"This release does not hold what it needs: {first_line(error)}")

    def courses(self) -> list[Choice]:
        """Courses by name; those of one name are told apart by their short name."""
        return self._choices(
            """
            select
                course_key,
                case
                    when count(*) over (partition by full_name) > 1 then concat_ws(', ', full_name, short_name)
                    else coalesce(full_name, short_name, course_key)
                end as label
            from dim_courses where not is_deleted order by lower(label), course_key"""
        )

    def companies(self) -> list[Choice]:
        """Companies by name."""
        return self._choices("select company_key, coalesce(name, company_key) from dim_companies order by 2, 1")

    def _choices(self, sql: str) -> list[Choice]:
        return [Choice(*row) for row in self._connection.execute(sql).fetchall()]


@contextlib.contextmanager
def open_release(release: Release, status: Status, scope: Scope, now: datetime) -> Iterator[Reading]:
    """A read-only connection on one release. Raises UnreadableReleaseError when its database cannot be read."""
    try:
        with duckdb.connect(":memory:") as connection:
            _prepare(connection, release, status, scope, now)
            yield Reading(connection)
    except duckdb.Error as error:
        name = str(release.release_id)
        raise UnreadableReleaseError(name, f"The database of release {name} cannot be read.") from error


def first_line(error: Exception) -> str:
    """The first line of a message, as a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return f"{text.rstrip('.')}."


def _prepare(
    connection: duckdb.DuckDBPyConnection, release: Release, status: Status, scope: Scope, now: datetime
) -> None:
    path = str(release.database).replace("'", "''")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{path}' as rollbook (read_only)")
    connection.execute("create schema stand_in")
    for name, columns in _STAND_INS.items():
        connection.execute(f"create table stand_in.{name} ({columns})")
    connection.execute("set search_path = 'rollbook.marts,rollbook.monitoring,memory.stand_in'")
    _insert(
        connection,
        "source_status (source varchar, stale_reason varchar, last_success_at timestamptz)",
        [(source.source, source.stale_reason, source.last_success_at) for source in status.sources],
    )
    _insert(
        connection,
        "open_alerts (severity varchar, title varchar, detail varchar, opened_at timestamptz)",
        [(alert.severity, alert.title, alert.detail, alert.opened_at) for alert in status.alerts],
    )
    for name, value in (("course", scope.course_key), ("company", scope.company_key)):
        connection.execute(f"set variable {name} = cast(? as varchar)", [value])
    connection.execute("set variable now = cast(? as timestamptz)", [now.isoformat()])
    connection.execute(
        """create temp macro in_scope(of_course, of_user) as
            (getvariable('course') is null or of_course = getvariable('course'))
            and (getvariable('company') is null or of_user in (
                select member.user_key from bridge_company_users as member
                where member.company_key = getvariable('company')))"""
    )
    connection.execute(_FRESHNESS.read_text(encoding="utf-8"))
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.execute(f"create temp table {table}")
    name = table.split()[0]
    for row in rows:
        values = ", ".join("?" * len(row))
        connection.execute(f"insert into {name} values ({values})", list(row))
