"""run, and its steps one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ingestion.errors import RollbookError
from orchestration.commands.context import Context, common
from orchestration.console import complain, show_table, telling_progress
from orchestration.settings import Settings
from orchestration.space import require_space

if TYPE_CHECKING:
    from orchestration.runner import Outcome

MODES = ("auto", "incremental", "full")


class Moment(click.ParamType):
    """An ISO 8601 date or time; UTC where it names no zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write it as 2026-06-30T12:00:00+00:00", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _sync_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--as-of", type=Moment(), help="The marts' now, instead of the source's clock."),
        click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; may be repeated."),
        click.option("--mode", type=click.Choice(MODES), help="How to sync; default: as configured."),
    ):
        command = option(command)
    return command


@click.command()
@_sync_options
@common
@click.pass_context
def run(context: click.Context, mode: str | None, names: tuple[str, ...], as_of: datetime | None) -> None:
    """Sync, build, audit, release: the hourly job."""
    _pipeline(context, "hourly", "run", _landing(mode, names, as_of))


@click.command()
@_sync_options
@common
@click.pass_context
def reconcile(context: click.Context, mode: str | None, names: tuple[str, ...], as_of: datetime | None) -> None:
    """As run; deletes are looked for in every table, however large."""
    _pipeline(context, "reconcile", "reconcile", _landing(mode, names, as_of) | {"reconcile": True})


def _landing(mode: str | None, names: tuple[str, ...], as_of: datetime | None) -> dict[str, Any]:
    return {"mode": mode, "names": list(names), "as_of": as_of and as_of.isoformat()}


def _pipeline(context: click.Context, job: str, command: str, land: dict[str, Any]) -> None:
    from orchestration.sources import require_one
    from serving.release.holding import hold

    settings = context.obj.settings
    require_one(settings, land["names"])
    outcome = _run_job(context, job, command, land)
    click.echo(standing(settings))
    if why := hold(settings.data_dir):
        click.echo(why)
    context.exit(outcome.exit_code)


def _run_job(context: click.Context, job: str, command: str, land: dict[str, Any] | None = None) -> Outcome:
    """Run a job to its end, visible in the UI, and say what went wrong."""
    from orchestration.runner import run_job

    held: Context = context.obj
    require_space(held.settings.data_dir)
    with telling_progress():
        outcome = run_job(held.settings, job, command=f"rollbook {command}", wait_seconds=held.wait_seconds, land=land)
    for complaint in outcome.complaints:
        complain(complaint)
    return outcome


def standing(settings: Settings) -> str:
    """One line on what is published now."""
    from serving.release.releases import Releases

    releases = Releases(settings.data_dir)
    current = releases.current_id()
    if current is None:
        return "Nothing is published."
    manifest = releases.manifest(current)
    rows = sum(mart["rows"] for mart in manifest["marts"].values())
    return (
        f"Release {current} is live: {len(manifest['marts'])} marts, {rows:,} rows, of {manifest['released_at'][:19]}Z."
    )


@click.command()
@_sync_options
@common
@click.pass_context
def sync(context: click.Context, mode: str | None, names: tuple[str, ...], as_of: datetime | None) -> None:
    """Bring what changed at the sources into the landing."""
    from orchestration.ops import Ops
    from orchestration.sources import require_one

    settings = context.obj.settings
    require_one(settings, names)
    outcome = _run_job(context, "sync", "sync", _landing(mode, names, as_of))
    show_table(
        ("source", "status", "mode", "reason", "read", "landed", "deleted"),
        [
            (r.source, r.status, r.mode, r.reason, r.rows_read, r.rows_landed, r.rows_deleted)
            for r in Ops(settings.data_dir).syncs_of(outcome.run_id)
        ],
    )
    context.exit(outcome.exit_code)


@click.command()
@click.option("--full-refresh", is_flag=True, help="Make the warehouse anew from all landed batches.")
@common
@click.pass_context
def build(context: click.Context, full_refresh: bool) -> None:
    """Load what landed and build the marts, if anything moved."""
    from ingestion.landing import Landing
    from orchestration.ops import Ops

    require_space(context.obj.settings.data_dir)
    with context.obj.locked("build") as settings:
        if not Landing(settings.landing_dir).sources():
            raise RollbookError("Nothing has landed yet, so there is nothing to build: run rollbook sync first.")
        outcome = _run_job(context, "build", "build", {"rebuild": full_refresh})
    if outcome.exit_code == 0:
        was_built = bool(Ops(settings.data_dir).results_of(outcome.run_id))
        click.echo("The marts are built." if was_built else "Nothing moved: the marts stand.")
    context.exit(outcome.exit_code)


@click.command()
@common
@click.pass_context
def audit(context: click.Context) -> None:
    """Hold the built marts against their laws, the landing and the live release."""
    from orchestration import steps
    from orchestration.ops import Ops

    with context.obj.locked("audit") as settings:
        steps.require_candidate(settings)
        outcome = _run_job(context, "audit", "audit")
    results = Ops(settings.data_dir).results_of(outcome.run_id)
    if failed := [result for result in results if not result["passed"]]:
        show_table(
            ("check", "mart", "rows failed", "blocks", "what"),
            [(r["check"], r["mart"], r["rows_failed"], "yes" if r["blocks"] else "no", r["message"]) for r in failed],
        )
    if outcome.exit_code == 0:
        click.echo(f"{len(results) - len(failed)} checks passed.")
    context.exit(outcome.exit_code)


@click.command()
@click.option("--resume", is_flag=True, help="End the hold that a rollback set.")
@common
@click.pass_context
def release(context: click.Context, resume: bool) -> None:
    """Publish the audited marts."""
    from orchestration import steps
    from serving.release import resume as end_hold
    from serving.release.holding import hold

    with context.obj.locked("release") as settings:
        if resume:
            end_hold(settings.data_dir)
        steps.require_candidate(settings)
        outcome = _run_job(context, "release", "release")
    if why := hold(settings.data_dir):
        complain(why)
        context.exit(1)
    if outcome.exit_code == 0:
        click.echo(standing(settings))
    context.exit(outcome.exit_code)


COMMANDS = (run, sync, reconcile, build, audit, release)
