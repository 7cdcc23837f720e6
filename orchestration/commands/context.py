"""What every command may need: the configuration and how long to wait for the lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestration.console import telling_progress
from orchestration.locking import holding_state
from orchestration.settings import Settings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Context:
    config: Path | None
    wait_seconds: float

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.config)

    @contextmanager
    def locked(self, command: str) -> Iterator[Settings]:
        """Hold the state lock, which a job run inside takes again. Raises LockedError where another has it."""
        settings = self.settings
        with holding_state(settings.data_dir, f"rollbook {command}", self.wait_seconds):
            yield settings

    @contextmanager
    def changing(self, command: str) -> Iterator[Settings]:
        """Hold the state lock and show progress."""
        with self.locked(command) as settings, telling_progress():
            yield settings


def common(command: Command) -> Command:
    """Let `--config` and `--wait` stand after the command's name too."""

    def remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None:
            setattr(context.obj, str(parameter.name), value)
        return value

    command = click.option(
        "--config", type=click.Path(path_type=Path), callback=remember, expose_value=False, hidden=True
    )(command)
    return click.option(
        "--wait", "wait_seconds", type=click.FloatRange(min=0), callback=remember, expose_value=False, hidden=True
    )(command)
