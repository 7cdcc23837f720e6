"""Somebody who reads the live release all the time, as dashboards and analysts do."""

from __future__ import annotations

import json
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb


class Reader:
    """Reads in a loop for as long as the block runs; `check` raises what went wrong, and notes whether it read at all.

    Each loop resolves `current` once and asks every kind of file of that release which release it is.
    """

    def __init__(self, published: Path) -> None:
        self._published = published
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self.seen: list[int] = []
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        if error is None:
            assert self.errors == []
            assert self.seen

    def _loop(self) -> None:
        ends = False
        while not ends:
            # What there is at the end is read too.
            ends = self._ends.wait(0.1)
            try:
                release_id = self._read()
            except Exception:
                self.errors.append(traceback.format_exc())
                continue
            if self.seen[-1:] != [release_id]:
                self.seen.append(release_id)

    def _read(self) -> int:
        folder = (self._published / "current").resolve(strict=True)
        manifest = json.loads((folder / "manifest.json").read_bytes())
        json.loads((self._published / "status.json").read_bytes())
        with duckdb.connect(config={"threads": 1}) as con:
            con.execute(f"attach '{folder}/rollbook.duckdb' as r (read_only)")
            counted = con.execute(
                f"""select (select release_id from r.monitoring.current_release),
                    (select count(*) from r.marts.fct_attempts where changed_at is not null),
                    (select count(*) from '{folder}/parquet/fct_attempts.parquet'),
                    (select count(*) from '{folder}/changes.parquet' where release_id <> {manifest["release_id"]})"""
            ).fetchone()
        rows = manifest["marts"]["fct_attempts"]["rows"]
        assert counted == (manifest["release_id"], rows, rows, 0), (counted, manifest["release_id"], rows)
        return int(manifest["release_id"])
