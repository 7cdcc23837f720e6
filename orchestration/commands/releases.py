"""What is published: status, releases, rollback, verify, query."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ingestion.errors import UsageError
from orchestration.commands.context import common
from orchestration.commands.pipeline import standing
from orchestration.console import complain, show_table

_SHOWN_ROWS = 1000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As status.json has it.")
@common
@click.pass_obj
def status(held: Any, as_json: bool) -> None:
    """Each source's last sync, cursor, lag and counts; the live release; open alerts."""
    from orchestration import status as state

    content = state.status(held.settings)
    if as_json:
        click.echo(json.dumps(content, indent=1, default=str))
        return
    show_table(
        ("source", "last sync", "mode", "reason", "as of", "lag", "read", "landed", "deleted", "stale"),
        [_line(name, source) for name, source in content["sources"].items()],
    )
    for name, source in content["sources"].items():
        if source["cursor"]:
            click.echo(f"cursor of {name}: " + ", ".join(f"{table} {at}" for table, at in source["cursor"].items()))
    click.echo(standing(held.settings))
    if content["hold"]:
        click.echo(content["hold"])
    for check in content["blocking_checks"]:
        click.echo(f"blocks the next release: {check['message']}")
    for alert in content["alerts"]:
        click.echo(f"{alert['severity']} since {alert['opened_at'][:19]}Z: {alert['title']}: {alert['detail']}")


def _line(name: str, source: dict[str, Any]) -> tuple[object, ...]:
    last, counts = source["last_sync"] or {}, source["counts"]
    return (
        name,
        f"{last.get('status', 'never')} {(last.get('finished_at') or '')[:19]}".strip(),
        last.get("mode"),
        last.get("reason"),
        (source["as_of"] or "")[:19],
        _duration(source["lag_seconds"]),
        counts["received"],
        counts["accepted"],
        counts["deleted"],
        source["stale_reason"] or "no",
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


@click.command()
@common
@click.pass_obj
def releases(held: Any) -> None:
    """List the releases that are kept."""
    from serving.release.releases import Releases

    kept = Releases(held.settings.data_dir)
    current = kept.current_id()
    rows = []
    for release_id in reversed(kept.ids()):
        manifest = kept.manifest(release_id)
        changed = sum(sum(mart["changed"].values()) for mart in manifest["marts"].values())
        live = "live" if release_id == current else ""
        rows.append((release_id, manifest["released_at"][:19] + "Z", manifest["reason"], changed, live))
    show_table(("release", "released at", "reason", "rows changed", ""), rows)


@click.command()
@click.argument("release_id", type=int)
@common
@click.pass_obj
def rollback(held: Any, release_id: int) -> None:
    """Publish an earlier release's content again; scheduled releases wait until release --resume."""
    from orchestration import status as state
    from orchestration import steps

    with held.changing("rollback") as settings:
        steps.rollback(settings, release_id)
        state.write(settings)
    click.echo(f"{standing(settings)} Scheduled releases wait until rollbook release --resume.")


@click.command()
@click.argument("release_id", type=int)
@common
@click.pass_context
def verify(context: click.Context, release_id: int) -> None:
    """Check a release, byte by byte, against its manifest."""
    from serving.release import Releases
    from serving.release import verify as faults_of

    data_dir = context.obj.settings.data_dir
    if not Releases(data_dir).path(release_id).exists():
        raise UsageError(f"There is no release {release_id}: `rollbook releases` lists those that are kept.")
    faults = faults_of(data_dir, release_id)
    for fault in faults:
        complain(fault)
    if not faults:
        click.echo(f"Release {release_id} is sound.")
    context.exit(1 if faults else 0)


@click.command()
@click.argument("sql")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows to this file.")
@click.option("--parquet", "parquet_file", type=click.Path(path_type=Path, dir_okay=False), help="As Parquet.")
@common
@click.pass_obj
def query(held: Any, sql: str, csv_file: Path | None, parquet_file: Path | None) -> None:
    """Run one SELECT on the live release; it can read nothing else."""
    from serving.release.query import run_query

    if csv_file and parquet_file:
        raise click.UsageError("Name one file: --csv or --parquet.")
    data_dir = held.settings.data_dir
    if csv_file or parquet_file:
        output = csv_file or parquet_file
        result = run_query(data_dir, sql, output=output, file_format="csv" if csv_file else "parquet")
        click.echo(f"{result.rows_written} rows of release {result.release_id} written to {output}.")
        return
    result = run_query(data_dir, sql, max_rows=_SHOWN_ROWS)
    show_table(result.columns, result.rows)
    if result.is_truncated:
        complain(f"Only the first {_SHOWN_ROWS} rows are shown: use --csv or --parquet for all of them.")


COMMANDS = (status, releases, rollback, verify, query)
