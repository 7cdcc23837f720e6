"""An installation on a small institution: its folder, its commands, what it published and what it left lying about."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from ingestion.demo import generate
from ingestion.landing import Landing
from serving.release import Releases
from tests.faults.days import AS_OF, pass_day
from tests.faults.process import Command, Result
from tests.serving.release.candidates import Snapshot, apply, changes, filled, snapshot

CONFIG = """\
[sources.campus]
kind = "moodle"
url = "sqlite:///moodle.sqlite"
site_url = "https://campus.example"
"""
_DATED = ("run", "sync", "reconcile")


class School:
    """One data directory with its Moodle beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "rollbook.toml"
        self.database = folder / "moodle.sqlite"
        self.data = folder / "data"
        self.warehouse = self.data / "warehouse.duckdb"
        self.status_file = self.data / "published" / "status.json"
        self.day = 0
        self._commands = 0

    def found(self) -> School:
        """The institution on day 0, nothing synced yet."""
        generate(self.folder, students=60, attempts=1000)
        # Readers do not keep the institution from writing, as on any database server.
        with closing(sqlite3.connect(self.database)) as con:
            con.execute("pragma journal_mode = wal")
        self.config.write_text(CONFIG, encoding="utf-8")
        return self

    def pass_days(self, until: int) -> None:
        while self.day < until:
            self.day += 1
            pass_day(self.database, self.day)

    # Commands

    def start(self, *arguments: str, changes: Sequence[Any] = ()) -> Command:
        """Begin a command, broken by `changes`; what depends on a clock goes by the institution's."""
        dated = ("--as-of", AS_OF) if arguments[0] in _DATED else ()
        self._commands += 1
        return Command(self.config, [*arguments, *dated], changes, self.folder, f"command-{self._commands}")

    def run(self, *arguments: str, changes: Sequence[Any] = (), expect: int = 0) -> Result:
        """A command to its end."""
        result = self.start(*(arguments or ("run",)), changes=changes).result()
        assert result.exit_code == expect, (arguments, result)
        return result

    def kill(self, *arguments: str, changes: Sequence[Any]) -> Result:
        """A command that has to die by one of the changes."""
        result = self.start(*(arguments or ("run",)), changes=changes).result()
        assert result.was_killed, (arguments, result)
        return result

    # What stands

    @property
    def releases(self) -> Releases:
        return Releases(self.data)

    @property
    def live(self) -> int | None:
        return self.releases.current_id()

    @property
    def landing(self) -> Landing:
        return Landing(self.data / "landing")

    @property
    def status(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.status_file.read_bytes())
        return content

    def runs(self) -> list[str]:
        """The states of all runs in Dagster's storage, oldest first."""
        return [state for (state,) in self._dagster("runs.db", "select status from runs order by id")]

    def claimed_slots(self) -> list[Any]:
        """Places in a pool that a run still has."""
        return self._dagster("runs/index.db", "select run_id from concurrency_slots where run_id is not null")

    def _dagster(self, name: str, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.data / "dagster" / "history" / name)) as con:
            return con.execute(sql).fetchall()

    def ledger(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.data / "ops" / "rollbook.sqlite")) as con:
            return con.execute(sql).fetchall()

    def remains(self) -> list[str]:
        """Every file and folder in the data directory that nothing will ever read or remove again."""
        left = [path for path in self.data.rglob("*") if path.name.endswith(".tmp") or path.name == ".staging"]
        left += list(self.data.glob("warehouse.duckdb.*"))
        left += list((self.data / "ops").glob("*-journal"))
        left += self._unnamed_batches()
        left += [path for path in (self.data / "state").rglob("*") if path.suffix == ".wal" or path.name == "spill"]
        names = {f"{release_id:08d}" for release_id in self.releases.ids()}
        for parent in (self.releases.folder, self.releases.restricted):
            left += [path for path in parent.iterdir() if path.name not in names]
            left += [parent / name for name in names if not (parent / name).is_dir()]
        known = {"current", "releases", "status.json"}
        left += [path for path in self.releases.published.iterdir() if path.name not in known]
        return sorted({str(path.relative_to(self.data)) for path in left})

    def _unnamed_batches(self) -> Iterator[Path]:
        for folder in self.landing.root.glob("*"):
            ids = self.landing.batch_ids(folder.name)
            named = {path for batch_id in ids for path in self.landing.files(folder.name, batch_id).values()}
            yield from (path for path in folder.rglob("*.parquet") if path not in named)

    def unsound(self) -> list[str]:
        """What `verify` says of any release, and the landing of any batch."""
        said = []
        for release_id in self.releases.ids():
            result = self.start("verify", str(release_id)).result()
            said += [] if result.exit_code == 0 else [result.stderr]
        return said + [
            fault
            for source in self.landing.sources()
            for batch_id in self.landing.batch_ids(source)
            for fault in self.landing.verify(source, batch_id)
        ]

    def followed(self) -> Snapshot:
        """The copy of a consumer that began with nothing and applied the changes of one release after the other.

        Each release on the way is held against the copy.
        """
        copy: Snapshot = {}
        for release_id in self.releases.ids():
            content = snapshot(self.releases, release_id)
            copy = apply(copy, changes(self.releases.path(release_id) / "changes.parquet"), content)
            assert copy == filled(content), release_id
        return copy


def differing_marts(one: Path, other: Path) -> list[str]:
    """The marts of two releases' databases that differ, in anything but when a row changed.

    Doubles may differ by 1e-9 relative. A mart that only one of them has differs.
    """
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        for alias, path in (("a", one), ("b", other)):
            con.execute(f"attach '{path}' as {alias} (read_only)")
        listed = "select table_name from duckdb_tables() where database_name = ? and schema_name = 'marts'"
        a, b = ({name for (name,) in con.execute(listed, [alias]).fetchall()} for alias in "ab")
        assert a, one
        return sorted(a ^ b) + [mart for mart in sorted(a & b) if _differ(con, mart)]


def _differ(con: duckdb.DuckDBPyConnection, mart: str) -> bool:
    columns = con.execute(
        "select column_name, data_type from duckdb_columns() where database_name = 'a' and schema_name = 'marts'"
        " and table_name = ? and column_name not in ('changed_release', 'changed_at') order by column_index",
        [mart],
    ).fetchall()
    exact = [f'"{name}"' for name, kind in columns if kind != "DOUBLE"]
    doubles = [f'"{name}"' for name, kind in columns if kind == "DOUBLE"]
    for alias in "ab":
        con.execute(
            f"create or replace temp table {alias}_rows as select row_number() over (order by"
            f" {', '.join(exact + doubles)}) as nth, {', '.join(exact + doubles)} from {alias}.marts.{mart}"
        )
    same = [f"a.{name} is not distinct from b.{name}" for name in exact]
    same += [
        f"(a.{name} is not distinct from b.{name}"
        f" or coalesce(abs(a.{name} - b.{name}) <= 1e-9 * greatest(1, abs(a.{name})), false))"
        for name in doubles
    ]
    found = con.execute(
        "select count(*) from a_rows as a full join b_rows as b using (nth)"
        f" where a.nth is null or b.nth is null or not ({' and '.join(same)})"
    ).fetchone()
    return found != (0,)


def copy_school(source: Path, target: Path) -> None:
    """Put an installation in place of what stands at `target`; links stay links."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


@contextmanager
def undisturbed(school: School) -> Iterator[None]:
    """Nothing in here changes the landing, the side files, the releases or the ledger."""
    before = _standing(school)
    yield
    assert _standing(school) == before


def _standing(school: School) -> dict[str, bytes]:
    folders = [school.data / name for name in ("landing", "state", "published/releases", "restricted", "ops")]
    return {str(path): path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}
