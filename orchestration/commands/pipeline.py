"""run, and its steps one by one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from ingestion.errors import RollbookError
from orchestration.commands.context import Context, common
from orchestration.console import complain, show_table, telling_progress
from orchestration.settings import Settings
from orchestration.space import require_space

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
    _run_job(context, "hourly", "run", {"mode": mode, "names": list(names), "as_of": as_of and as_of.isoformat()})


@click.command()
@_sync_options
@common
@click.pass_context
def reconcile(context: click.Context, mode: str | None, names: tuple[str, ...], as_of: datetime | None) -> None:
    """As run; deletes are looked for in every table, however large."""
    land = {"mode": mode, "names": list(names), "as_of": as_of and as_of.isoformat(), "reconcile": True}
    _run_job(context, "reconcile", "reconcile", land)


def _run_job(context: click.Context, job: str, command: str, land: dict[str, Any]) -> None:
    from orchestration.runner import run_job
    from orchestration.sources import require_one
    from serving.release.holding import hold

    held: Context = context.obj
    settings = held.settings
    require_one(settings, land["names"])
    require_space(settings.data_dir)
    with telling_progress():
        outcome = run_job(settings, job, command=f"rollbook {command}", wait_seconds=held.wait_seconds, land=land)
    for complaint in outcome.complaints:
        complain(complaint)
    click.echo(standing(settings))
    if why := hold(settings.data_dir):
        click.echo(why)
    context.exit(outcome.exit_code)


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
    from orchestration import sources, status
    from orchestration.runner import sync_exit_code

    sources.require_one(context.obj.settings, names)
    with context.obj.changing("sync") as settings:
        runs = sources.sync_sources(settings, run_id=_run_id(), mode=mode, names=names, as_of=as_of)
        status.write(settings)
    for one in sources.failures(runs):
        complain(one.error or "")
    show_table(
        ("source", "status", "mode", "reason", "read", "landed", "deleted"),
        [(r.source, r.status, r.mode, r.reason, r.rows_read, r.rows_landed, r.rows_deleted) for r in runs],
    )
    context.exit(sync_exit_code(runs))


@click.command()
@click.option("--full-refresh", is_flag=True, help="Make the warehouse anew from all landed batches.")
@common
@click.pass_context
def build(context: click.Context, full_refresh: bool) -> None:
    """Load what landed and build the marts, if anything moved."""
    from orchestration import status, steps

    with context.obj.changing("build") as settings:
        loaded = steps.load(settings, rebuild=full_refresh)
        if not loaded.has_landing:
            raise RollbookError("Nothing has landed yet, so there is nothing to build: run rollbook sync first.")
        built = steps.build(settings, run_id=_run_id(), full_refresh=full_refresh)
        status.write(settings)
    if built.breaches:
        complain(built.verdict)
        context.exit(1)
    click.echo(f"Built: {loaded.due}." if built.results else "Nothing moved: the marts stand.")


@click.command()
@common
@click.pass_context
def audit(context: click.Context) -> None:
    """Hold the built marts against their laws, the landing and the live release."""
    from orchestration import status, steps

    with context.obj.changing("audit") as settings:
        report = steps.audit(settings, run_id=_run_id())
        status.write(settings)
    if report.failures:
        show_table(
            ("check", "mart", "rows failed", "blocks", "what"),
            [(r.check, r.mart, r.rows_failed, "yes" if r.blocks else "no", r.message) for r in report.failures],
        )
    if report.blocked:
        complain(steps.blocked_sentence([result for result in report.results if result.blocks]))
        context.exit(1)
    click.echo(f"{len(report.results)} checks passed.")


@click.command()
@click.option("--resume", is_flag=True, help="End the hold that a rollback set.")
@common
@click.pass_context
def release(context: click.Context, resume: bool) -> None:
    """Publish the audited marts."""
    from orchestration import status, steps
    from serving.release import resume as end_hold

    with context.obj.changing("release") as settings:
        if resume:
            end_hold(settings.data_dir)
        try:
            released = steps.release(settings, run_id=_run_id(), reason="requested")
        finally:
            status.write(settings)
    if released.is_held:
        complain(released.why_not)
        context.exit(1)
    click.echo(released.why_not or standing(settings))


def _run_id() -> str:
    return f"command-{uuid.uuid4()}"


COMMANDS = (run, sync, reconcile, build, audit, release)
