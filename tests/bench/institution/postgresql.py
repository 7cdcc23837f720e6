"""The rows of an institution as a Moodle database in PostgreSQL."""

from __future__ import annotations

import psycopg

from ingestion.contracts import Table
from ingestion.demo.schema import PREFIX, TABLES, TableShape
from tests.bench.institution.database import tables
from tests.bench.institution.world import World

_TYPES = {"INTEGER": "bigint", "TEXT": "text", "REAL": "double precision"}


class PostgreSQLDatabase:
    """A database of a server, still empty. Tables, columns and indexes are those of the SQLite one."""

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, world: World) -> None:
        """Write the whole institution."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for shape in TABLES.values():
                connection.execute(_create(shape))
            for table in tables():
                self._copy(connection, world, table, "site", PREFIX + table.name)
            for shape in TABLES.values():
                for kind, keys in (("unique index", shape.unique), ("index", shape.indexes)):
                    for key in keys:
                        connection.execute(f'create {kind} on "{PREFIX}{shape.name}" ({key})')
            connection.execute("vacuum analyze")

    def apply(self, world: World) -> None:
        """Bring in what the last change made, as one transaction."""
        with psycopg.connect(self.url) as connection:
            for table in tables():
                target = f'"{PREFIX}{table.name}"'
                connection.execute(f"create temp table arrived (like {target} including defaults) on commit drop")
                self._copy(connection, world, table, "made", "arrived")
                connection.execute(f"delete from {target} using arrived where {target}.id = arrived.id")
                connection.execute(f"insert into {target} select * from arrived")
                connection.execute("drop table arrived")

    def _copy(self, connection: psycopg.Connection, world: World, table: Table, schema: str, target: str) -> None:
        present = {name for name, _, _, _ in TABLES[table.name].columns}
        columns = [column.name for column in table.columns if column.name in present]
        names = ", ".join(f'"{name}"' for name in columns)
        statement = f"copy \"{target}\" ({names}) from stdin (format csv, null '\\N')"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for frame in world.frames(table, schema):
                copy.write(frame.select(columns).write_csv(include_header=False, null_value="\\N"))


def _create(shape: TableShape) -> str:
    lines = ["id bigint primary key"]
    for name, sql_type, is_nullable, default in shape.columns[1:]:
        literal = f"'{default}'" if isinstance(default, str) else default
        lines.append(
            f'"{name}" {_TYPES.get(sql_type, sql_type)}' + ("" if is_nullable else f" not null default {literal}")
        )
    return f'create table "{PREFIX}{shape.name}" ({", ".join(lines)})'
