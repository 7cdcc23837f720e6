"""Landing -> schema `landing` of the warehouse: each committed batch is applied exactly once, in order.

`landing.<kind>_<stream>` holds the current version of every row, `history.<kind>_<stream>` the last version of those
that vanished, `history.<kind>_<stream>_values` every value that syncs saw in columns whose contract keeps them, and
schema `touched` what moved since the marts were last built. Everything here is rebuilt from the batches whenever the
file is lost, or was written under other contracts or another layout of this module.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from ingestion import accounts, past_values, touched
from ingestion.contracts import Contracts, Stream
from ingestion.frames import QUARANTINE
from ingestion.landing import Landing, Manifest

LAYOUT = 3
_MEMORY = "2GB"  # beyond it DuckDB writes to the disk
_HEADER_BYTES = 3 * 4096  # of a DuckDB file, before its blocks


@dataclass(frozen=True)
class KnownSource:
    """What the configuration says of a source, for links in marts."""

    name: str
    kind: str
    site_url: str | None = None


@dataclass
class LoadReport:
    """What `apply_batches` did. `rebuilt` says in words why everything was loaded anew, None when it was not."""

    applied: dict[str, list[int]] = field(default_factory=dict)
    rows: int = 0
    rebuilt: str | None = None
    boundary_passed: bool = False

    @property
    def needs_build(self) -> bool:
        """Whether marts can differ from what they were before."""
        return bool(self.rows or self.rebuilt or self.boundary_passed)


def apply_batches(
    warehouse: Path,
    landing: Landing,
    contracts: Iterable[Contracts],
    sources: Sequence[KnownSource],
    *,
    pseudonym_key: bytes,
    time_zone: str,
    rebuild: bool = False,
) -> LoadReport:
    """Bring the warehouse's `landing` and `history` schemas up to the newest committed batch of every source.

    One transaction: either all new batches are applied or none. Batches that were applied before are left alone, so
    that running it twice changes nothing. Every table of the contracts exists afterwards.
    """
    rules = list(contracts)
    report = LoadReport()
    signature = _signature(rules, pseudonym_key)
    if warehouse.exists() and (reason := "requested" if rebuild else _outdated(warehouse, signature)):
        report.rebuilt = reason
        for path in (warehouse, warehouse.with_name(warehouse.name + ".wal")):
            path.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as con:
        con.execute("set enable_progress_bar = false")
        con.execute(f"set memory_limit = '{_MEMORY}'")
        apply_to(con, landing, rules, sources, report, pseudonym_key=pseudonym_key, time_zone=time_zone)
    warehouse.chmod(0o600)
    return report


def apply_to(
    con: duckdb.DuckDBPyConnection,
    landing: Landing,
    rules: Sequence[Contracts],
    sources: Sequence[KnownSource],
    report: LoadReport,
    *,
    pseudonym_key: bytes,
    time_zone: str,
) -> None:
    """Apply what is new to the open warehouse that the connection uses, in one transaction; `report` tells what was."""
    con.execute("set TimeZone = 'UTC'")
    con.execute("begin")
    signature = _signature(rules, pseudonym_key)
    if _found_signature(con) != signature:
        _create(con, rules, signature)
    _Loader(con, landing, {rule.kind: rule for rule in rules}, report, pseudonym_key).load()
    _describe(con, sources, time_zone)
    con.execute("commit")


def _signature(rules: Sequence[Contracts], pseudonym_key: bytes) -> str:
    """Changes with the layout, any contract, or the pseudonym key (which it does not reveal)."""
    check = hmac.new(pseudonym_key, b"warehouse", hashlib.sha256).hexdigest()[:8]
    return "/".join([str(LAYOUT), *(f"{rule.kind}-{rule.version}" for rule in rules), check])


def _outdated(warehouse: Path, signature: str) -> str | None:
    try:
        with duckdb.connect(str(warehouse), read_only=True) as con:
            found = _found_signature(con)
            # Not its total: DuckDB cuts free blocks off the end, and goes on counting them.
            blocks = con.execute("select used_blocks * block_size from pragma_database_size()").fetchone()
    except (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException) as error:
        if "lock" in str(error).lower():
            raise
        return "its file could not be read"
    if blocks is not None and warehouse.stat().st_size < _HEADER_BYTES + blocks[0]:
        # Else only whoever reads the missing rows would find out.
        return "its file could not be read"
    if found is None:
        return "it held no landed tables"
    return None if found == signature else "its layout or the contracts changed"


def _found_signature(con: duckdb.DuckDBPyConnection) -> str | None:
    """The signature under which the open warehouse was written; None where it holds no landed tables."""
    held = "select 1 from duckdb_tables() where schema_name = 'landing' and table_name = 'layout'"
    if not con.execute(held).fetchone():
        return None
    row = con.execute("select signature from landing.layout").fetchone()
    return None if row is None else str(row[0])


def _create(con: duckdb.DuckDBPyConnection, rules: Sequence[Contracts], signature: str) -> None:
    for schema in ("landing", "history"):
        con.execute(f"create schema if not exists {schema}")
    for statement in (
        "layout (signature varchar)",
        "sources (source varchar, kind varchar, site_url varchar, as_of timestamptz, batch_id bigint)",
        "control (as_of timestamptz, time_zone varchar)",
        "user_keys (source varchar, user_id bigint, user_key varchar)",
        "batches (source varchar, stream varchar, batch_id bigint, mode varchar, reason varchar, received bigint,"
        " accepted bigint, duplicate bigint, ignored bigint, quarantined bigint, deleted bigint,"
        " committed_at timestamptz)",
    ):
        con.execute(f"create table if not exists landing.{statement}")
    con.execute("delete from landing.layout")
    con.execute("insert into landing.layout values ($signature)", {"signature": signature})
    for rule in rules:
        for stream in (*rule.streams, QUARANTINE):
            name, columns = f"{rule.kind}_{stream.name}", _columns(stream)
            con.execute(f"create table if not exists landing.{name} (_source varchar, _batch_id bigint, {columns})")
            con.execute(
                f"create table if not exists history.{name} (_source varchar, _batch_id bigint, {columns},"
                " _deleted_batch_id bigint, _deleted_at timestamptz)"
            )
        past_values.create(con, rule)
    touched.create(con, ((f"{rule.kind}_{stream.name}", _columns(stream)) for rule in rules for stream in _noted(rule)))


def _columns(stream: Stream) -> str:
    return ", ".join(f'"{name}" {type_}' for name, type_ in stream.landed)


def _noted(rule: Contracts) -> list[Stream]:
    """The streams whose moves are noted for the marts: personal ones shape no incremental mart."""
    return [stream for stream in rule.streams if not stream.is_personal]


def _describe(con: duckdb.DuckDBPyConnection, sources: Sequence[KnownSource], time_zone: str) -> None:
    for source in sources:
        con.execute(
            "update landing.sources set site_url = $site_url where source = $source",
            {"site_url": source.site_url and source.site_url.rstrip("/"), "source": source.name},
        )
    con.execute("delete from landing.control")
    con.execute(
        "insert into landing.control select max(as_of), $time_zone from landing.sources", {"time_zone": time_zone}
    )


class _Loader:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        landing: Landing,
        contracts: Mapping[str, Contracts],
        report: LoadReport,
        pseudonym_key: bytes,
    ) -> None:
        self._con = con
        self._landing = landing
        self._contracts = contracts
        self._report = report
        self._key = pseudonym_key

    def load(self) -> None:
        for source in self._landing.sources():
            row = self._con.execute(
                "select batch_id, as_of from landing.sources where source = $source", {"source": source}
            ).fetchone()
            applied, as_of = row or (0, None)
            manifests = list(self._landing.manifests(source, after=applied))
            while manifests and not manifests[-1].is_complete:
                manifests.pop()  # parts of a full load wait for the one that completes it
            if manifests and manifests[-1].kind in self._contracts:
                self._apply(source, manifests, as_of)

    def _apply(self, source: str, manifests: Sequence[Manifest], known_as_of: datetime | None) -> None:
        newest = manifests[-1]
        rules = self._contracts[newest.kind]
        files = {m.batch_id: self._landing.files(source, m.batch_id) for m in manifests}
        is_known = known_as_of is not None
        for stream in (*rules.streams, QUARANTINE):
            batches = {batch_id: held[stream.name] for batch_id, held in files.items() if stream.name in held}
            if batches:
                self._apply_stream(source, rules.kind, stream, batches, manifests, is_noted=is_known)
        self._note_batches(manifests)
        if known_as_of is not None:
            accounts.forget_unnamed(self._con, source, rules.kind, _noted(rules))
            touched.note_clock(self._con, source, known_as_of, newest.as_of)
            self._report.boundary_passed |= self._passes_boundary(source, rules, known_as_of, newest.as_of)
        else:
            touched.note_whole(self._con, source, "its first batches")
        self._con.execute("delete from landing.sources where source = $source", {"source": source})
        self._con.execute(
            "insert into landing.sources values ($source, $kind, null, $as_of, $batch_id)",
            {"source": source, "kind": rules.kind, "as_of": newest.as_of, "batch_id": newest.batch_id},
        )
        self._report.applied[source] = [m.batch_id for m in manifests]

    def _apply_stream(
        self,
        source: str,
        kind: str,
        stream: Stream,
        batches: Mapping[int, Path],
        manifests: Sequence[Manifest],
        *,
        is_noted: bool,
    ) -> None:
        con = self._con
        table = f"{kind}_{stream.name}"
        columns = [name for name, _ in stream.landed]
        listed = ", ".join(f'"{name}"' for name in columns)
        keys = ", ".join(f'"{key}"' for key in stream.primary_key)
        same = " and ".join(f't."{key}" = fresh."{key}"' for key in stream.primary_key)
        if not is_noted and len(batches) == 1 and not stream.kept and self._is_plain(stream, *batches.values()):
            self._take_plain(source, table, stream, batches)
            return
        con.execute(
            f"""
            create or replace temp table arrived as
            select {self._selected(stream, batches)}, _batch_id, _op,
                row_number() over (partition by {keys}, _op order by _batch_id desc, file_row_number desc) as nth_of_op,
                row_number() over (partition by {keys}, _batch_id order by file_row_number desc) as nth_of_batch,
                row_number() over (partition by {keys} order by _batch_id desc, file_row_number desc) as nth
            from read_parquet($files, union_by_name = true, file_row_number = true)
            """,
            {"files": [str(path) for path in batches.values()]},
        )
        con.execute("create or replace temp table fresh as select * from arrived where nth = 1")
        counted = con.execute("select count(*), count(*) filter (where _op = 'delete') from fresh").fetchone()
        assert counted is not None
        self._report.rows += counted[0]
        if is_noted and stream in _noted(self._contracts[kind]):
            touched.note_rows(con, table, source, listed, same)
        con.execute(
            f"delete from history.{table} as t using fresh where t._source = $source and {same}", {"source": source}
        )
        if counted[1] or stream.kept:
            con.execute("create or replace temp table moments (_batch_id bigint, as_of timestamptz)")
            con.executemany("insert into moments values (?, ?)", [(m.batch_id, m.as_of) for m in manifests])
        if stream.kept:
            past_values.note(con, source, table, stream)
        if counted[1]:
            versioned = ", ".join(["t._source", "t._batch_id", *(f't."{name}"' for name in columns)])
            con.execute(
                f"""
                insert into history.{table}
                select {versioned}, fresh._batch_id, moments.as_of
                from (
                    select $source as _source, _batch_id, {listed} from arrived where _op = 'upsert' and nth_of_op = 1
                    union all
                    select _source, _batch_id, {listed} from landing.{table} as t
                    where _source = $source and not exists (
                        select 1 from arrived as fresh where fresh._op = 'upsert' and {same}
                    )
                ) as t
                inner join fresh on {same} and fresh._op = 'delete'
                inner join moments on fresh._batch_id = moments._batch_id
                """,
                {"source": source},
            )
        con.execute(
            f"delete from landing.{table} as t using fresh where t._source = $source and {same}", {"source": source}
        )
        con.execute(
            f"insert into landing.{table} select $source, _batch_id, {listed} from fresh where _op = 'upsert'"
            f" order by {keys}",
            {"source": source},
        )
        accounts.name_new(con, source, stream, self._key)

    def _is_plain(self, stream: Stream, file: Path) -> bool:
        """Whether a file holds each of its keys once and no deletes: then its rows are the current ones as they are."""
        if len(stream.primary_key) > 1:
            return False
        (key,) = stream.primary_key
        rows = self._con.execute(
            f"""select count(*) = count(distinct "{key}") and not coalesce(bool_or(_op = 'delete'), false)"""
            " from read_parquet($file)",
            {"file": str(file)},
        ).fetchall()
        return bool(rows[0][0])

    def _take_plain(self, source: str, table: str, stream: Stream, batches: Mapping[int, Path]) -> None:
        """The first rows of a source, straight from their file: no more of them is held than DuckDB reads at a time."""
        self._con.execute(
            f"insert into landing.{table} select $source, _batch_id, * exclude (_batch_id)"
            f" from (select _batch_id, {self._selected(stream, batches)} from read_parquet($files))",
            {"source": source, "files": [str(path) for path in batches.values()]},
        )
        own = f"landing.{table} where _source = '{source}'"
        rows = self._con.execute(f"select count(*) from {own}").fetchall()[0][0]
        self._report.rows += rows
        accounts.name_new(self._con, source, stream, self._key, rows=f"(select * from {own})")

    def _selected(self, stream: Stream, batches: Mapping[int, Path]) -> str:
        """The contract's columns; one that no file of these batches has is NULL."""
        described = self._con.execute(
            "describe select * from read_parquet($files, union_by_name = true)",
            {"files": [str(path) for path in batches.values()]},
        ).fetchall()
        present = {row[0] for row in described}
        return ", ".join(
            f'cast("{name}" as {type_}) as "{name}"' if name in present else f'cast(null as {type_}) as "{name}"'
            for name, type_ in stream.landed
        )

    def _note_batches(self, manifests: Sequence[Manifest]) -> None:
        rows = [
            (
                m.source, stream, m.batch_id, m.mode, m.reason, e.ledger.received, e.ledger.accepted,
                e.ledger.duplicate, e.ledger.ignored, e.ledger.quarantined, e.ledger.deleted, m.committed_at,
            )
            for m in manifests
            for stream, e in m.streams.items()
        ]  # fmt: skip
        if rows:
            ledgers = pl.DataFrame(rows, orient="row", infer_schema_length=None)  # noqa: F841  DuckDB finds it by name
            self._con.execute("insert into landing.batches select * from ledgers")

    def _passes_boundary(self, source: str, rules: Contracts, before: datetime, now: datetime) -> bool:
        """Whether a time at which marts begin to read differently lies between two clocks, whichever came first."""
        earlier, later = sorted((before, now))
        for stream in rules.streams:
            for column in stream.columns:
                if (
                    column.boundary
                    and earlier != later
                    and self._has_between(source, f"{rules.kind}_{stream.name}", column.name, earlier, later)
                ):
                    return True
        return False

    def _has_between(self, source: str, table: str, column: str, earlier: datetime, later: datetime) -> bool:
        found = self._con.execute(
            f'select 1 from landing.{table} where _source = $source and "{column}" between $earlier and $later limit 1',
            {"source": source, "earlier": int(earlier.timestamp()), "later": int(later.timestamp())},
        ).fetchone()
        return found is not None
