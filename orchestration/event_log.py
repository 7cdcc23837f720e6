"""Dagster's SQLite event log with its connections kept open.

As shipped, it opens, syncs and closes two files for every event; for a thousand events (an asset or check evaluated)
that is ten seconds, more than all the work of a small run. Here the same tables in the same files are written through
open connections in WAL mode with `synchronous = normal`: a killed process loses nothing, a power cut at most the last
events of a run's log, which nothing but the UI reads.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

_KEPT_OPEN = 8


class EventLog(SqliteEventLogStorage):
    """The event log of one instance; `base_dir` is the instance's folder, files lie where Dagster's own would."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._connections: OrderedDict[str, Connection] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> EventLog:
        return cls(os.path.join(config_value["base_dir"], "history", "runs"), inst_data)  # noqa: PTH118

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # Dagster's own lock: one thread at a time, so one connection a file is enough.
        with self._db_lock:
            connection = self._connections.get(shard) or self._open(shard)
            self._connections.move_to_end(shard)
            with connection.begin():
                yield connection

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def delete_events(self, run_id: str) -> None:
        """Forget a run; its file goes too."""
        super().delete_events(run_id)
        with self._db_lock:
            if connection := self._connections.pop(run_id, None):
                connection.close()
            for suffix in ("", "-wal", "-shm"):
                Path(self.path_for_shard(run_id) + suffix).unlink(missing_ok=True)

    def dispose(self) -> None:
        with self._db_lock:
            while self._connections:
                self._connections.popitem()[1].close()
        super().dispose()

    def _open(self, shard: str) -> Connection:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=NullPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        self._initdb(engine)
        connection = engine.connect()
        connection.exec_driver_sql("pragma synchronous = normal")
        connection.commit()
        self._connections[shard] = connection
        while len(self._connections) > _KEPT_OPEN:
            self._connections.popitem(last=False)[1].close()
        return connection
