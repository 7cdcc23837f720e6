"""history.<kind>_<stream>_values: what syncs saw in the columns whose contract keeps their earlier values.

One row each time any of them was seen to change, and one without values when the row vanished. What changed and changed
back between two syncs was never seen.
"""

from __future__ import annotations

import duckdb

from ingestion.contracts import Contracts, Stream


def create(con: duckdb.DuckDBPyConnection, rules: Contracts) -> None:
    for stream in rules.streams:
        if stream.kept:
            types = dict(stream.landed)
            columns = ", ".join(f'"{name}" {types[name]}' for name in (*stream.primary_key, *stream.kept))
            con.execute(
                f"create table if not exists history.{rules.kind}_{stream.name}_values"
                f" (_source varchar, _batch_id bigint, seen_at timestamptz, is_gone boolean, {columns})"
            )


def note(con: duckdb.DuckDBPyConnection, source: str, table: str, stream: Stream) -> None:
    """Note what is new in the temporary table `arrived`; `moments` has the source's clock of each batch."""
    keys = ", ".join(f'"{name}"' for name in stream.primary_key)
    values = ", ".join(f'"{name}"' for name in stream.kept)
    shown = ", ".join(f'case when not is_gone then "{name}" end' for name in stream.kept)
    same = " and ".join(f'known."{key}" = arrived."{key}"' for key in stream.primary_key)
    con.execute(
        f"""
        insert into history.{table}_values
        with seen as (
            select _batch_id, _op = 'delete' as is_gone, {keys}, {values}, true as is_new
            from arrived where nth_of_batch = 1
            union all
            select _batch_id, is_gone, {keys}, {values}, false
            from history.{table}_values as known
            where _source = $source and exists (select 1 from arrived where {same})
        ),
        states as (
            select *, case when not is_gone then row({values}) end as state
            from seen
        ),
        compared as (
            select *, row_number() over in_order as nth, lag(state) over in_order as state_before,
                lag(is_gone) over in_order as was_gone
            from states
            window in_order as (partition by {keys} order by _batch_id)
        )
        select $source, compared._batch_id, moments.as_of, is_gone, {keys},
            {shown}
        from compared
        inner join moments on compared._batch_id = moments._batch_id
        where is_new and (
            nth = 1 and not is_gone
            or is_gone is distinct from was_gone and nth > 1
            or state is distinct from state_before
        )
        order by compared._batch_id, {keys}
        """,
        {"source": source},
    )
