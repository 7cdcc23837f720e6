"""Schema `touched` of the warehouse: what landed since the marts were last built, for models that recompute by key.

    touched.<kind>_<stream>   the rows that came, went or changed, in every version that they had since then
    touched.clock             how far each source's clock moved
    touched.user_keys         pseudonyms of accounts that nothing names any more
    touched.whole             sources of which everything is new, so that the marts must be built whole

A row is kept in its old and its new version, so that whatever it belonged to before is recomputed as well as what it
belongs to now. The tables are filled in the transaction that applies the batches and emptied when the marts have been
built from them: a build that fails or dies in the middle finds them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb

_SCHEMA = "touched"


def create(con: duckdb.DuckDBPyConnection, tables: Iterable[tuple[str, str]]) -> None:
    """Make the schema for landed tables, given as (name, column definitions)."""
    con.execute(f"create schema if not exists {_SCHEMA}")
    for name, columns in tables:
        con.execute(f"create table if not exists {_SCHEMA}.{name} (_source varchar, {columns})")
    con.execute(f"create table if not exists {_SCHEMA}.clock (source varchar, before timestamptz, after timestamptz)")
    con.execute(f"create table if not exists {_SCHEMA}.user_keys (source varchar, user_id bigint, user_key varchar)")
    con.execute(f"create table if not exists {_SCHEMA}.whole (source varchar, reason varchar)")


def note_rows(con: duckdb.DuckDBPyConnection, table: str, source: str, columns: str, same: str) -> None:
    """Keep what the temporary table `fresh` is about to replace in `landing.<table>`, and what it brings.

    `same` is the join condition between the landed row `t` and `fresh`.
    """
    old = ", ".join(f"t.{column}" for column in columns.split(", "))
    con.execute(
        f"""
        insert into {_SCHEMA}.{table}
        select t._source, {old} from landing.{table} as t inner join fresh on {same} where t._source = $source
        union all
        select $source, {columns} from fresh where _op = 'upsert'
        """,
        {"source": source},
    )


def note_clock(con: duckdb.DuckDBPyConnection, source: str, before: datetime, after: datetime) -> None:
    """Keep that a source's clock moved, forwards or backwards."""
    if before != after:
        con.execute(f"insert into {_SCHEMA}.clock values (?, ?, ?)", [source, before, after])


def note_whole(con: duckdb.DuckDBPyConnection, source: str, reason: str) -> None:
    """Keep that all of a source is new."""
    con.execute(f"insert into {_SCHEMA}.whole values (?, ?)", [source, reason])


def is_whole(warehouse: Path) -> bool:
    """Whether the marts must be built whole, because everything of a source is new."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return con.execute(f"select count(*) > 0 from {_SCHEMA}.whole").fetchall()[0][0]


def forget(warehouse: Path) -> None:
    """Empty the schema: the marts have been built from all that it held. In one transaction."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute("begin")
        names = con.execute(
            "select table_name from duckdb_tables() where schema_name = ? and estimated_size > 0", [_SCHEMA]
        ).fetchall()
        for (name,) in names:
            con.execute(f"delete from {_SCHEMA}.{name}")
        con.execute("commit")
