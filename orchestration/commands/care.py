"""Exceptions and examinations: waive, doctor."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

from ingestion.errors import RollbookError, UsageError
from orchestration.commands.context import common
from orchestration.commands.pipeline import Moment
from orchestration.console import show_table
from orchestration.settings import Settings

if TYPE_CHECKING:
    from ingestion.moodle.doctor import Finding

_LEAST_FREE_GIGABYTES = 2


@click.command()
@click.argument("check")
@click.option("--key", required=True, help="anomaly_key of the finding; * for all of the rule.")
@click.option("--reason", required=True, help="Why it is right, for whoever reads it later.")
@click.option("--until", required=True, type=Moment(), help="The last day, or the moment, on which it holds.")
@common
@click.pass_obj
def waive(held: Any, check: str, key: str, reason: str, until: datetime) -> None:
    """Make a named, dated exception: findings of a rule that no longer count when releases are gated."""
    from orchestration.ops import Ops

    rules = sorted(_rules())
    if check not in rules:
        raise UsageError(f"There is no rule {check}: it is one of {', '.join(rules)}.")
    if not reason.strip():
        raise UsageError("A waiver needs a reason.")
    # A bare day counts whole.
    ends = until + timedelta(days=1) if until.timetz() == time(0, tzinfo=UTC) else until
    now = datetime.now(UTC)
    if ends <= now:
        raise UsageError(f"A waiver until {until:%Y-%m-%d} is over already: name a later day.")
    with held.changing("waive") as settings:
        Ops(settings.data_dir).waive(check, key, reason.strip(), ends, now)
    click.echo(f"{check} is waived for {key} until {ends:%Y-%m-%d %H:%M} UTC; the next audit goes by it.")


def _rules() -> Iterator[str]:
    from orchestration.transform import PROJECT

    for path in PROJECT.glob("seeds/**/anomaly_rules.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row["rule"] for row in csv.DictReader(file))


@click.command()
@click.option("--grants", is_flag=True, help="Print the SQL that makes an account which can read what is needed.")
@common
@click.pass_context
def doctor(context: click.Context, grants: bool) -> None:
    """Examine configuration, sources, versions, clock and disk; print what to mend."""
    from orchestration.sources import chosen, moodle_source

    settings: Settings = context.obj.settings
    if grants:
        from ingestion.moodle.doctor import grants as sql_of

        for name, source in chosen(settings).items():
            click.echo(f"-- {name}\n{sql_of(moodle_source(settings, name, source))}\n")
        return
    found = [("installation", finding) for finding in _installation(settings)]
    for name, source in chosen(settings).items():
        if source.sync_mode == "disabled":
            continue
        try:
            from ingestion.moodle.doctor import examine

            found += [(name, finding) for finding in examine(moodle_source(settings, name, source))]
        except RollbookError as error:
            found.append((name, _finding("configuration", "fail", str(error))))
    show_table(
        ("where", "what", "", "found", "mend"),
        [(where, finding.topic, finding.level, finding.what, finding.mend) for where, finding in found],
    )
    context.exit(1 if any(finding.level == "fail" for _, finding in found) else 0)


def _installation(settings: Settings) -> Iterator[Finding]:
    from orchestration.pseudonyms import pseudonym_key
    from orchestration.steps import versions

    yield _finding("configuration", "ok", f"{settings.file} is sound")
    listed = ", ".join(f"{name} {number}" for name, number in versions().items())
    yield _finding("versions", "ok", f"Python {sys.version.split()[0]}, {listed}")
    place = next(folder for folder in (settings.data_dir, *settings.data_dir.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < _LEAST_FREE_GIGABYTES:
        yield _finding("disk", "warn", f"{free:.1f} GB are free at {place}", "Free some space, or move paths.data_dir.")
    else:
        yield _finding("disk", "ok", f"{free:.0f} GB are free at {place}")
    try:
        pseudonym_key(settings)
        yield _finding("pseudonym key", "ok", "the key is there; back it up apart from the data")
    except RollbookError as error:
        yield _finding("pseudonym key", "fail", str(error))


def _finding(topic: str, level: str, what: str, mend: str = "") -> Finding:
    from ingestion.moodle.doctor import Finding

    return Finding(topic, level, what, mend)


COMMANDS = (waive, doctor)
