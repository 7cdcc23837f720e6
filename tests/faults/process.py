"""The command line in a process of its own that a test can break at a chosen point. Nothing in production knows of it.

Processes are forked from one that has imported the libraries and done nothing else, which saves their start-up. Each
is otherwise what `rollbook` is: its own process, an environment of its own, a foreign current folder.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import duckdb

_LIBRARIES = [
    "orchestration.cli",
    "orchestration.definitions",
    "orchestration.event_log",
    "orchestration.instance",
    "orchestration.runner",
    "dbt.adapters.duckdb.connections",
    "dbt.adapters.factory",
    "dbt.cli.main",
    "great_expectations",
    "serving.audit.engine",
    "serving.release",
    "tests.faults.process",
]
_QUIET = {"DO_NOT_TRACK": "1", "DAGSTER_DISABLE_TELEMETRY": "yes", "GX_ANALYTICS_ENABLED": "false"}
_forked = multiprocessing.get_context("forkserver")
_forked.set_forkserver_preload(_LIBRARIES)
TIMEOUT_SECONDS = 300
_ROOT = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True)
class Death:
    """SIGKILL, before or after the n-th call of a function in whose arguments, as text, a pattern is found.

    `function` is `module:name`; it must be one that can be replaced. What killed it is written where `run` told it to.
    """

    function: str
    matching: str = ""
    nth: int = 1
    after: bool = False

    def __call__(self, place: Path) -> None:
        _wrap(self, lambda: _die(place, self))


@dataclass(frozen=True)
class Pause:
    """At the n-th such call: make the file `reached`, and go on when the file `go` exists."""

    function: str
    reached: Path
    go: Path
    matching: str = ""
    nth: int = 1
    after: bool = False

    def __call__(self, place: Path) -> None:
        _wrap(self, self._wait)

    def _wait(self) -> None:
        self.reached.touch()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self.go.exists() and time.monotonic() < deadline:
            time.sleep(0.01)


@dataclass(frozen=True)
class Replaced:
    """Another value under a name, as a later version of the code would have it."""

    name: str
    value: Any

    def __call__(self, place: Path) -> None:
        owner, attribute = _found(self.name)
        setattr(owner, attribute, self.value)


class Command:
    """A running command. `result` waits for its end."""

    def __init__(self, config: Path, arguments: Sequence[str], changes: Sequence[Any], folder: Path, name: str) -> None:
        self._files = [folder / f"{name}.{kind}" for kind in ("out", "err", "death")]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": _ROOT, **_QUIET}
        _begin_forking()
        self._process = _forked.Process(
            target=_main, args=(["--config", str(config), *arguments], list(changes), environment, self._files)
        )
        self._process.start()
        self.pid = self._process.pid

    def result(self) -> Result:
        self._process.join(TIMEOUT_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        out, err, death = (path.read_text(encoding="utf-8") if path.exists() else "" for path in self._files)
        for path in self._files:
            path.unlink(missing_ok=True)
        return Result(self._process.exitcode, out, err, death)

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()


def _begin_forking() -> None:
    """Start what all commands are forked from, with this repository's code; harmless when it runs."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = _ROOT
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@dataclass(frozen=True)
class Result:
    """`exit_code` is negative, the signal's number, for a process that was killed; `death` tells where."""

    exit_code: int | None
    stdout: str
    stderr: str
    death: str = ""

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL and self.death != ""


class WatchedConnection(sqlite3.Connection):
    """What a change of the run ledger goes through; its methods can be replaced, those of sqlite3 cannot."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        return super().executemany(*arguments)


def watch_ledger(place: Path) -> None:
    """Open the run ledger with connections that a Death can name."""
    connect = sqlite3.connect
    sqlite3.connect = lambda path, **how: connect(  # type: ignore[assignment]
        path, **({"factory": WatchedConnection} if str(path).endswith("ops/rollbook.sqlite") else {}), **how
    )


def _main(arguments: list[str], changes: Sequence[Any], environment: Mapping[str, str], files: Sequence[Path]) -> None:
    out, err, death = files
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        stream.flush()
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream.fileno())
    from orchestration.cli import main

    for change in changes:
        change(death)
    main(arguments)


def _wrap(change: Any, act: Callable[[], None]) -> None:
    owner, attribute = _found(change.function)
    original, calls = getattr(owner, attribute), 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        told = " ".join(map(str, (*arguments, *options.values())))
        is_it = re.search(change.matching, told) is not None
        calls += is_it
        is_it = is_it and calls == change.nth
        if is_it and not change.after:
            act()
        if arguments and isinstance(arguments[0], duckdb.DuckDBPyConnection):
            # Frames are found by the names of the caller's variables, and this function stands between.
            original(arguments[0], "set python_scan_all_frames = true")
        result = original(*arguments, **options)
        if is_it and change.after:
            act()
        return result

    setattr(owner, attribute, wrapped)


def _die(place: Path, death: Death) -> None:
    place.write_text(str(death), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)


def _found(name: str) -> tuple[Any, str]:
    module, _, path = name.partition(":")
    *owners, attribute = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    getattr(owner, attribute)
    return owner, attribute
