"""The last landed state of a source: for each stream its keys and row hashes, in one side file.

The batches are the truth. The side file only saves reading them again: it is believed when it was written for the
newest batch under the same contracts and the same hash function, and is made anew from the batches otherwise.

It is a DuckDB file, so that the cost of a sync follows what changed: rows are looked up, replaced and removed in place,
in one transaction that ends after the batch has committed. Where more changes than a transaction should hold in memory,
as in a full load, the file first says that it belongs to no batch; a sync that then fails costs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import polars as pl

from ingestion.contracts import Contracts, Stream
from ingestion.errors import RollbookError
from ingestion.frames import HASH, QUARANTINE, keys_of, landed_schema, state_keys, with_hash
from ingestion.landing import Landing
from ingestion.landing.files import make_folder

_FORMAT = 2
MEMORY = "512MB"
# A transaction holds some 25 bytes in memory, beyond MEMORY, for each row that it changed.
_TRANSACTION_ROWS = 1_000_000
_REBUILD_ROWS = 100_000
_TYPES: Mapping[pl.DataType, str] = {pl.Int64(): "bigint", pl.String(): "varchar"}

logger = logging.getLogger("rollbook")


class StateDamagedError(RollbookError):
    """The side file could not be used to the end. It is gone now: the same sync begun again makes it anew."""


class KeyStates:
    """Keys and hashes of every stream of one source as of its newest committed batch; a context manager.

    What is changed through `of` is seen at once by later questions. It lasts when `save` is called, after the batch has
    committed; otherwise the file stays as it was, or is believed no more. Raises StateDamagedError from the `with` when
    the file fails.
    """

    def __init__(self, folder: Path, landing: Landing, source: str, contracts: Contracts) -> None:
        self._folder = folder / source
        self._file = self._folder / "keys.duckdb"
        self._landing = landing
        self._source = source
        self._streams = (*contracts.streams, QUARANTINE)
        self._fingerprint = f"{_FORMAT}/polars-{pl.__version__}/{contracts.version}"
        self._con: duckdb.DuckDBPyConnection | None = None
        self._changed_rows = 0

    def __enter__(self) -> Self:
        make_folder(self._folder.parent)
        make_folder(self._folder)
        newest = self._landing.newest(self._source)
        batch_id = newest.batch_id if newest else 0
        with self._judging():
            self._con = self._believed(batch_id) or self._rebuilt(batch_id)
            self._con.execute("begin")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if isinstance(error, duckdb.Error):
            with self._judging():
                raise error

    def of(self, stream: Stream) -> StreamState:
        """The state of one stream; empty when nothing of it has landed."""
        assert self._con is not None
        return StreamState(self._con, stream, self._note_changes)

    def _note_changes(self, rows: int) -> None:
        self._changed_rows += rows
        if self._changed_rows >= _TRANSACTION_ROWS and self._con is not None:
            self._con.execute("update meta set batch_id = null")
            self._con.execute("commit")
            self._con.execute("begin")
            self._changed_rows = 0

    def save(self, batch_id: int) -> None:
        """Make the changes last; the state then belongs to `batch_id`. A failure costs the file, nothing else."""
        assert self._con is not None
        try:
            self._con.execute("update meta set batch_id = $batch_id", {"batch_id": batch_id})
            self._con.execute("commit")
        except duckdb.Error as error:
            logger.warning("the side file of source %s is lost and will be made anew: %s", self._source, error)
            self._discard()

    def _believed(self, batch_id: int) -> duckdb.DuckDBPyConnection | None:
        """The file's connection, None when there is no file or it belongs to something else."""
        if not self._file.exists():
            return None
        con = None
        try:
            con = self._connect()
            if con.execute("select batch_id, fingerprint from meta").fetchall() == [(batch_id, self._fingerprint)]:
                return con
        except duckdb.Error:
            pass  # torn, or of another version: the batches still hold it
        if con is not None:
            con.close()
        return None

    def _rebuilt(self, batch_id: int) -> duckdb.DuckDBPyConnection:
        self._remove_files()
        con = self._con = self._connect()
        self._file.chmod(0o600)
        con.execute("create table meta (batch_id bigint, fingerprint varchar)")
        con.execute("insert into meta values (null, $fingerprint)", {"fingerprint": self._fingerprint})
        files: dict[str, list[Path]] = {}
        for manifest in self._landing.manifests(self._source):
            for name, path in self._landing.files(self._source, manifest.batch_id).items():
                files.setdefault(name, []).append(path)
        for stream in self._streams:
            state = StreamState(con, stream)
            state.create()
            if stream.name in files:
                state.fill(_landed_rows(con.cursor(), stream, files[stream.name]))
        con.execute("update meta set batch_id = $batch_id", {"batch_id": batch_id})
        return con

    def _connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(
            str(self._file), config={"memory_limit": MEMORY, "temp_directory": str(self._folder / "spill")}
        )
        con.execute("set enable_progress_bar = false")
        return con

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """Turn a failure of the file into its loss."""
        try:
            yield
        except duckdb.Error as error:
            first_line = str(error).strip().splitlines()[0]
            self._discard()
            raise StateDamagedError(f"The side file {self._file} could not be used: {first_line}.") from error

    def _discard(self) -> None:
        self._close()
        self._remove_files()

    def _close(self) -> None:
        if self._con is not None:
            self._con.close()
        self._con = None

    def _remove_files(self) -> None:
        for path in (self._file, self._file.with_name(self._file.name + ".wal")):
            path.unlink(missing_ok=True)


class StreamState:
    """Keys, parent (where the contract has one) and hashes of one stream. Frames of keys have its key columns."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, stream: Stream, note_changes: Callable[[int], None] = lambda rows: None
    ) -> None:
        self._note_changes = note_changes
        schema = landed_schema(stream)
        self._con = con
        self._table = f'"{stream.name}"'
        self._keys = list(stream.primary_key)
        self._columns = {name: _TYPES[schema[name]] for name in state_keys(stream)}
        self._schema = pl.Schema({key: schema[key] for key in self._keys})
        self._seen = f'"{stream.name} seen"'
        self._same = " and ".join(f't."{key}" = given."{key}"' for key in self._keys)
        self._key_list = ", ".join(f't."{key}"' for key in self._keys)

    def create(self) -> None:
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in self._columns.items())
        self._con.execute(f"create table {self._table} ({columns}, {HASH} ubigint)")

    def fill(self, rows: Iterable[pl.DataFrame]) -> None:
        """Put rows into the empty state, ordered by key, which is what makes later look-ups cheap."""
        self._con.execute(f"create or replace temp table filling as from {self._table} limit 0")
        for frame in rows:
            self._do("insert into filling by name select * from given", frame)
        self._con.execute(f"insert into {self._table} from filling as t order by {self._key_list}")
        self._con.execute("drop table filling")

    def count(self) -> int:
        return int(self._ask(f"select count(*) as n from {self._table}")["n"][0])

    def news(self, rows: pl.DataFrame) -> pl.Series:
        """For each row, which has key and hash, whether the state lacks it or has it with another hash."""
        given = rows.select(*self._keys, HASH).with_row_index("_nth")
        known = self._ask(
            f"select given._nth from given inner join {self._table} as t on {self._same} and t.{HASH} = given.{HASH}",
            given,
        )
        return ~given["_nth"].is_in(known["_nth"].implode())

    def put(self, rows: pl.DataFrame) -> None:
        """Remember these rows, in place of what was known under their keys."""
        rows = rows.select(*self._columns, HASH).unique(self._keys, keep="last", maintain_order=True)
        self.remove(rows)
        self._do(f"insert into {self._table} by name select * from given", rows)
        self._note_changes(len(rows))

    def remove(self, keys: pl.DataFrame) -> None:
        self._do(f"delete from {self._table} as t using given where {self._same}", keys.select(self._keys))
        self._note_changes(len(keys))

    def remove_up_to(self, key: int) -> None:
        """Forget the keys of an append-only stream that no sync can meet again."""
        self._con.execute(f'delete from {self._table} where "{self._keys[0]}" <= $key', {"key": key})

    def begin_reading(self) -> None:
        """From here on `see` notes keys, for `unseen` to find what is not among them."""
        columns = f"select {self._key_list} from {self._table} as t limit 0"
        self._con.execute(f"create or replace temp table {self._seen} as {columns}")

    def see(self, keys: pl.DataFrame) -> None:
        self._do(f"insert into {self._seen} by name select * from given", keys.select(self._keys))

    def see_texts(self, texts: pl.Series) -> None:
        """As `see`, for keys of the state that are given as one text each."""
        text = " || '/' || ".join(f'cast(t."{key}" as varchar)' for key in self._keys)
        condition = f"where {text} in (select text from given)"
        self.see(self._ask(f"select {self._key_list} from {self._table} as t {condition}", texts.to_frame("text")))

    def unseen(self, above: int | None = None, up_to: int | None = None) -> pl.DataFrame:
        """The keys of the state that were not seen; of a range of keys where one is given."""
        key = f't."{self._keys[0]}"'
        bounds = [f"{key} > {above}"] if above is not None else []
        bounds += [f"{key} <= {up_to}"] if up_to is not None else []
        return self._unseen("".join(f" and {bound}" for bound in bounds))

    def unseen_of(self, parent: str, parents: pl.Series) -> pl.DataFrame:
        """The keys of the state under these parents that were not seen."""
        condition = f' and t."{parent}" in (select parent from given)'
        return self._unseen(condition, parents.to_frame("parent"))

    def _unseen(self, condition: str, given: pl.DataFrame | None = None) -> pl.DataFrame:
        same = self._same.replace("given.", "seen.")
        sql = (
            f"select {self._key_list} from {self._table} as t"
            f" where not exists (select 1 from {self._seen} as seen where {same}){condition} order by all"
        )
        return self._ask(sql, given).cast(self._schema)

    def forget_seen(self) -> None:
        self._con.execute(f"drop table if exists {self._seen}")

    def query(self, selected: str, condition: str) -> pl.DataFrame:
        """What is selected from the state, called t, under a condition."""
        return self._ask(f"select {selected} from {self._table} as t {condition}")

    def _do(self, sql: str, given: pl.DataFrame) -> None:
        if len(given):
            with self._giving(given):
                self._con.execute(sql)

    def _ask(self, sql: str, given: pl.DataFrame | None = None) -> pl.DataFrame:
        with self._giving(given):
            return self._con.sql(sql).pl()

    @contextmanager
    def _giving(self, given: pl.DataFrame | None) -> Iterator[None]:
        if given is None:
            yield
            return
        self._con.register("given", given)
        try:
            yield
        finally:
            self._con.unregister("given")


def _landed_rows(con: duckdb.DuckDBPyConnection, stream: Stream, files: list[Path]) -> Iterator[pl.DataFrame]:
    """The latest landed version of every row that is not deleted: key, parent and hash, in today's contract.

    A column that the files lack is NULL, as when the row would be read again.
    """
    schema = landed_schema(stream)
    arguments = {"files": [str(path) for path in files]}
    read = "from read_parquet($files, union_by_name = true, file_row_number = true)"
    present = {row[0] for row in con.execute(f"describe select * {read}", arguments).fetchall()}
    columns = ", ".join(
        f"cast({name} as {type_}) as {name}" if name.strip('"') in present else f"cast(null as {type_}) as {name}"
        for name, type_ in ((f'"{name}"', type_) for name, type_ in stream.landed)
    )
    keys = ", ".join(f'"{key}"' for key in stream.primary_key)
    latest = con.sql(
        f"select {columns} {read} qualify row_number() over (partition by {keys} order by _batch_id desc,"
        " file_row_number desc) = 1 and _op = 'upsert'",
        params=arguments,
    )
    for batch in latest.to_arrow_reader(_REBUILD_ROWS):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield keys_of(stream, with_hash(frame.cast(pl.Schema(schema))))
