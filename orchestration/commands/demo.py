"""demo: a made-up institution through the whole pipeline, and a scoreboard of its planted faults."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from ingestion.errors import UsageError
from orchestration.console import complain, show_table, telling_progress
from orchestration.settings import Settings, load_settings

SOURCE = "campus"
_MARK = "# Written by rollbook demo."
_CONFIG = f"""\
{_MARK} Delete this folder when you have seen enough.
[paths]
data_dir = "data"

[site]
time_zone = "Europe/Madrid"

[sources.{SOURCE}]
kind = "moodle"
url = "sqlite:///moodle.sqlite"
site_url = "https://campus.example"
"""
_QUERY = (
    "select c.short_name, count(*) as grades, round(avg(g.grade_scaled), 3) as mean, "
    "count(*) filter (where g.parity <> 'match') as off "
    "from fct_grades as g join dim_courses as c using (course_key) group by all order by mean desc"
)


@click.command()
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"), help="Where; default ./demo."
)
@click.option("--seed", type=int, default=7, help="Another seed, another institution.")
@click.pass_context
def demo(context: click.Context, folder: Path, seed: int) -> None:
    """Make an institution with planted faults, run the pipeline on it, and show what was found."""
    from ingestion.demo import generate
    from orchestration.runner import run_job

    folder = folder.absolute()
    settings = _prepare(folder)
    with telling_progress():
        made = generate(folder, seed)
        outcome = run_job(settings, "hourly", command="rollbook demo", land={"as_of": made.as_of.isoformat()})
    for complaint in outcome.complaints:
        complain(complaint)
    context.exit(outcome.exit_code or _scoreboard(settings, made.faults, folder))


def _prepare(folder: Path) -> Settings:
    """An empty demo folder with its configuration. Raises UsageError rather than touch a folder of somebody else."""
    config = folder / "rollbook.toml"
    if folder.exists() and any(folder.iterdir()):
        if not config.is_file() or not config.read_text(encoding="utf-8").startswith(_MARK):
            raise UsageError(f"{folder} holds something else than a demo: name another one with --folder.")
        shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(_CONFIG, encoding="utf-8")
    return load_settings(config)


def _scoreboard(settings: Settings, faults: Path, folder: Path) -> int:
    from orchestration.scoreboard import Parity, compare, parity, row_counts

    score = compare(settings, faults)
    click.echo("\nPlanted faults")
    show_table(
        ("fault", "rule", "expected", "found", "where"),
        [(f.fault_id, f.rule, f.expected, len(f.findings), ", ".join(f.findings)[:90]) for f in score.faults],
    )
    for finding in score.extra:
        click.echo(f"extra: {finding}")
    missed = sum(not fault.is_found for fault in score.faults)
    click.echo(f"{len(score.faults) - missed} found, {missed} missed, {len(score.extra)} extra\n")
    click.echo("Marts")
    show_table(("mart", "rows"), row_counts(settings))
    shown: Parity = parity(settings)
    click.echo(f"\nGrade parity: {shown}\n")
    config = _short(folder / "rollbook.toml")
    click.echo(f'Try:  rollbook --config {config} query "{_QUERY}"')
    click.echo(f"Next: make dev (lineage, runs, checks), make dashboards, rollbook --config {config} status")
    return 1 if missed or score.extra else 0


def _short(path: Path) -> Any:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
