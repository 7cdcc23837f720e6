"""landing.user_keys: the pseudonym of every account that a landed row names now, and of no other.

A pseudonym is HMAC-SHA256 of `<source>:<id>` under the installation's key, 32 hexadecimal digits: the same account gets
the same one again whenever it comes back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import duckdb

from ingestion.contracts import Stream

_HMAC_BLOCK = 64


def name_new(con: duckdb.DuckDBPyConnection, source: str, stream: Stream, key: bytes) -> None:
    """Give every account that the temporary table `fresh` names for the first time its pseudonym."""
    ids = _named(stream, "fresh")
    if not ids:
        return
    block = hashlib.sha256(key).digest() if len(key) > _HMAC_BLOCK else key
    block = block.ljust(_HMAC_BLOCK, b"\0")
    con.execute(
        f"""
        insert into landing.user_keys
        select $source, user_id,
            left(sha256($outer || unhex(sha256($inner || encode($source || ':' || user_id)))), 32)
        from (select distinct user_id from ({ids}) as ids (user_id)) as named
        where user_id is not null and not exists (
            select 1 from landing.user_keys as known where known.source = $source and known.user_id = named.user_id
        )
        """,
        {
            "source": source,
            "outer": bytes(byte ^ 0x5C for byte in block),
            "inner": bytes(byte ^ 0x36 for byte in block),
        },
    )


def forget_unnamed(con: duckdb.DuckDBPyConnection, source: str, kind: str, streams: Sequence[Stream]) -> None:
    """Take back the pseudonyms of accounts that no landed row of the source names any more; `touched` keeps them until
    the marts have let go of them.

    Only accounts that a row touched since the last build named can be among them; the smallest tables, which name
    nearly all of those still, are asked first.
    """
    naming = [(f"{kind}_{stream.name}", stream) for stream in streams if _named(stream, "")]
    touched = " union ".join(_named(stream, f"touched.{table}", source) for table, stream in naming)
    con.execute(f"create or replace temp table unnamed as select distinct user_id from ({touched}) as ids (user_id)")
    held = con.execute("select table_name, estimated_size from duckdb_tables() where schema_name = 'landing'")
    sizes = dict(held.fetchall())
    for table, stream in sorted(naming, key=lambda pair: sizes[pair[0]]):
        if not con.execute("select 1 from unnamed limit 1").fetchone():
            return
        ids = _named(stream, f"landing.{table}", source)
        con.execute(f"delete from unnamed using ({ids}) as named (user_id) where unnamed.user_id = named.user_id")
    of_unnamed = "known.source = $source and known.user_id = unnamed.user_id"
    con.execute(
        f"insert into touched.user_keys select known.* from landing.user_keys as known, unnamed where {of_unnamed}",
        {"source": source},
    )
    con.execute(f"delete from landing.user_keys as known using unnamed where {of_unnamed}", {"source": source})


def _named(stream: Stream, table: str, source: str | None = None) -> str:
    """A query for the accounts that a table's rows are about or that acted in them; empty where a stream has none."""
    where = "" if source is None else f" and _source = '{source}'"
    subjects = [f'select "{name}" from {table} where true{where}' for name in stream.columns_of("user")]
    actors = [f'select "{name}" from {table} where "{name}" > 0{where}' for name in stream.columns_of("actor")]
    return " union all ".join(subjects + actors)
