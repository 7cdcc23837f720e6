"""The rows of an institution, in a DuckDB file: schema `site` holds what stands, `made` what the last change made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import duckdb
import polars as pl

from ingestion.contracts import Table
from ingestion.demo.schema import TABLES
from ingestion.moodle import contracts

_HERE = Path(__file__).parent
_ATTEMPTS_OF_A_LEARNER = 20
_LEARNERS_OF_A_COURSE = 125
_LEAST_COURSES = 8
_CHUNK_ROWS = 250_000
BEGAN = datetime(2023, 7, 1, tzinfo=UTC)
STANDS_AT = datetime(2025, 6, 30, 12, tzinfo=UTC)
CHANGE_EVERY = timedelta(hours=1)

# Random by the seed: the order of attempts in time, their length, their ending. Ids follow time, as Moodle's do.
_PLAN = """
create table attempts as
with planned as (
    select pair, attempt
    from pairs, range(1, 4) as t(attempt)
    where attempt <= case when pair % 3 = 2 then 3 else 1 end
),

numbered as (
    select row_number() over (order by attempt, hash(pair, getvariable('seed')), pair) as attempt_id, pair, attempt
    from planned
),

timed as (
    select
        *,
        getvariable('starts_at') + attempt_id * (getvariable('now') - 86400 - getvariable('starts_at'))
        // count(*) over () as started_at,
        300 + chance(attempt_id, 'length', 3000) as length,
        case
            when chance(attempt_id, 'ending', 100) = 0 then 'abandoned'
            when attempt = case when pair % 3 = 2 then 3 else 1 end and chance(attempt_id, 'ending', 50) = 1
                then 'inprogress'
            else 'finished'
        end as state
    from numbered
)

select
    attempt_id, pair, attempt, state, started_at,
    case when state = 'finished' then started_at + length else 0 end as finished_at,
    case when state = 'inprogress' then started_at + 60 else started_at + length end as modified_at,
    0 as revision, cast(null as decimal(18, 5)) as marks
from timed
"""

# Half of a change are new attempts of learners who made some before, the other half attempts that are marked again:
# half of those recent, half older.
_CHANGE = """
create or replace temp table fresh as
select
    (select max(attempt_id) from attempts) + row_number() over (order by hash(pair, getvariable('now'))) as attempt_id,
    pair,
    max(attempt) + 1 as attempt
from attempts
group by pair
having bool_and(state <> 'inprogress')
order by hash(pair, getvariable('now'))
limit $fresh;

create or replace temp table marked_again as
with markable as (
    select *, attempt_id > (select max(attempt_id) from attempts) - 8 * $touched as is_recent
    from attempts
    where state = 'finished' and revision < 6
)

select attempt_id
from markable
qualify row_number() over (partition by is_recent order by hash(attempt_id, getvariable('now')), attempt_id) <= $touched
order by row_number() over (partition by is_recent order by hash(attempt_id, getvariable('now')), attempt_id)
limit $touched;

update attempts set revision = revision + 1, modified_at = getvariable('now') - 1200
where attempt_id in (from marked_again);
insert into touches
select attempt_id, revision, modified_at from attempts where attempt_id in (from marked_again);

insert into attempts by name
select
    attempt_id, pair, attempt, 'finished' as state, getvariable('now') - 2400 as started_at,
    getvariable('now') - 900 as finished_at, getvariable('now') - 900 as modified_at, 0 as revision
from fresh;

create or replace temp table picked as
select attempt_id from fresh
union all
from marked_again
"""


class World:
    """An institution in a DuckDB file. A context manager; the file can be opened again and changed further."""

    def __init__(self, path: Path, *, memory_limit: str = "2GB") -> None:
        self._con = duckdb.connect(
            str(path), config={"memory_limit": memory_limit, "temp_directory": str(path.with_suffix(".spill"))}
        )
        for statement in ("set TimeZone = 'UTC'", "set enable_progress_bar = false"):
            self._con.execute(statement)
        self._tables = contracts().tables

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._con.close()

    @classmethod
    def make(cls, path: Path, attempts: int, seed: int = 7) -> Self:
        """A new institution over what stands at the path. `attempts` is met to the nearest twenty above."""
        path.unlink(missing_ok=True)
        world = cls(path)
        learners = -(-attempts // _ATTEMPTS_OF_A_LEARNER)
        con = world._con
        con.execute("create table settings (name varchar, value bigint)")
        con.executemany(
            "insert into settings values (?, ?)",
            [
                ("seed", seed),
                ("learners", learners),
                ("courses", max(_LEAST_COURSES, learners // _LEARNERS_OF_A_COURSE)),
                ("starts_at", int(BEGAN.timestamp())),
                ("now", int(STANDS_AT.timestamp())),
            ],
        )
        world._set_variables()
        for schema in ("site", "made"):
            world._create(schema)
        con.execute((_HERE / "places.sql").read_text(encoding="utf-8"))
        con.execute(_PLAN)
        con.execute("create table touches (attempt_id bigint, revision bigint, touched_at bigint)")
        con.execute("create or replace temp table picked as select attempt_id from attempts")
        world._derive("site")
        con.execute("checkpoint")
        return world

    def change(self, attempts: int) -> None:
        """An hour passes in which this many attempts are made or marked again; schema `made` holds its rows."""
        con = self._con
        con.execute(
            "update settings set value = value + $seconds where name = 'now'",
            {"seconds": int(CHANGE_EVERY.total_seconds())},
        )
        self._set_variables()
        self._create("made")
        fresh = attempts // 2
        for statement in _CHANGE.split(";"):
            given = {"fresh": fresh, "touched": attempts - fresh}
            con.execute(statement, {name: given[name] for name in given if f"${name}" in statement} or None)
        self._derive("made")
        for name, table in self._tables.items():
            keys = " and ".join(f'old."{key}" = new."{key}"' for key in table.primary_key)
            con.execute(f"create or replace table made.{name} as from made.{name} except from site.{name}")
            con.execute(f"delete from site.{name} as old using made.{name} as new where {keys}")
            con.execute(f"insert into site.{name} from made.{name}")
        con.execute("checkpoint")

    @property
    def as_of(self) -> datetime:
        """The moment at which the institution stands."""
        return datetime.fromtimestamp(self._count("select value from settings where name = 'now'"), UTC)

    def rows(self, table: str, schema: str = "site") -> int:
        return self._count(f"select count(*) from {schema}.{table}")

    def greatest(self, table: str, column: str) -> int:
        return self._count(f'select coalesce(max("{column}"), 0) from site.{table}')

    def frames(self, table: Table, schema: str = "site") -> Iterator[pl.DataFrame]:
        """A table's rows by key, in the columns of its contract, as a source gives them."""
        keys = ", ".join(f'"{key}"' for key in table.primary_key)
        reader = self._con.sql(f"from {schema}.{table.name} order by {keys}").to_arrow_reader(_CHUNK_ROWS)
        for batch in reader:
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame

    def _derive(self, schema: str) -> None:
        statements = (_HERE / "attempts.sql").read_text(encoding="utf-8").replace("into made.", f"into {schema}.")
        self._con.execute(statements.replace("from made.", f"from {schema}."))

    def _create(self, schema: str) -> None:
        """Empty tables of all contracts; a column that is not given gets the default of Moodle's own table."""
        self._con.execute(f"create schema if not exists {schema}")
        for table in self._tables.values():
            shape = TABLES.get(table.name)
            defaults = {name: default for name, _, _, default in shape.columns} if shape else {}
            columns = []
            for column in table.columns:
                sql_type = column.landed[0][1] if column.type != "digest" else "VARCHAR"
                default = defaults.get(column.name)
                literal = f"'{default}'" if isinstance(default, str) else "NULL" if default is None else default
                columns.append(f'"{column.name}" {sql_type} default {literal}')
            self._con.execute(f"create or replace table {schema}.{table.name} ({', '.join(columns)})")

    def _set_variables(self) -> None:
        for name, value in self._con.execute("from settings").fetchall():
            self._con.execute(f"set variable {name} = {value}::bigint")
        last = "select coalesce(max(id), 0) from site.grade_grades_history"
        exists = "select count(*) from duckdb_tables() where schema_name = 'site'"
        self._con.execute(f"set variable last_history = {self._count(last) if self._count(exists) else 0}::bigint")

    def _count(self, query: str) -> int:
        [[value]] = self._con.execute(query).fetchall()
        return int(value)
