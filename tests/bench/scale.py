"""A history of a given size through the real command: a full build, a change, and a run without news."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.landing import Landing
from tests.bench.institution import MoodleDatabase, PostgreSQLDatabase, World, land
from tests.bench.timing import Timing, timed
from tests.servers import postgresql_server

_CONFIG = """
[paths]
data_dir = "data"
[privacy]
pseudonym_key = "the key of a bench, where nobody is real"
[sources.campus]
kind = "moodle"
url = "{url}"
"""


@dataclass(frozen=True)
class Scale:
    """What was measured on one history. Model seconds are dbt's own, summed; the limit's are of the same landing."""

    source: str
    attempts: int
    steps: int
    changed: int
    limit_seconds: float
    model_seconds: float
    slowest_models: dict[str, float]
    first_run: Timing
    changed_model_seconds: float
    slowest_changed_models: dict[str, float]
    change: Timing
    nothing: Timing

    @property
    def build_ratio(self) -> float:
        return self.model_seconds / self.limit_seconds

    @property
    def peak_megabytes(self) -> float:
        return max(run.peak_megabytes for run in (self.first_run, self.change, self.nothing))


@contextmanager
def _database(source: str, folder: Path) -> Iterator[MoodleDatabase | PostgreSQLDatabase]:
    if source == "sqlite":
        yield MoodleDatabase(folder / "moodle.sqlite")
        return
    with postgresql_server() as server:
        server.create("moodle")
        yield PostgreSQLDatabase(server.url("moodle"))


def measure(
    attempts: int,
    changed: int,
    folder: Path | None = None,
    *,
    source: str = "sqlite",
    tell: Callable[[str], None] = print,
) -> Scale:
    """Generate, run, change, run, run. With a folder the files stay there for a closer look.

    `source` is where Moodle's tables stand: sqlite, whose driver hands rows to Python one by one, or postgresql, read
    as in production. Raises NotInstalledError when there is no such server here.
    """
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollbook-bench-")))
        place.mkdir(parents=True, exist_ok=True)
        return _measure(attempts, changed, place, source, stack.enter_context(_database(source, place)), tell)


def _measure(
    attempts: int,
    changed: int,
    folder: Path,
    source: str,
    database: MoodleDatabase | PostgreSQLDatabase,
    tell: Callable[[str], None],
) -> Scale:
    config, landing = folder / "rollbook.toml", Landing(folder / "data" / "landing")
    config.write_text(_CONFIG.format(url=database.url), encoding="utf-8")
    tell(f"{attempts:,} attempts: generating")
    with World.make(folder / "world.duckdb", attempts) as world:
        steps, as_of = world.rows("question_attempt_steps"), world.as_of.isoformat()
        land(world, landing)
        database.write(world)
    tell(f"{attempts:,} attempts: the query by hand, then the first run")
    limit = time_limit(folder / "data" / "landing" / "campus", folder / "limit.duckdb")
    first = timed(config, "run", "--as-of", as_of)
    models = model_seconds(folder / "data")
    tell(f"{attempts:,} attempts: {changed:,} of them change, then a run without news")
    with World(folder / "world.duckdb") as world:
        world.change(changed)
        as_of = world.as_of.isoformat()
        database.apply(world)
    change = timed(config, "run", "--as-of", as_of)
    changed_models = model_seconds(folder / "data")
    nothing = timed(config, "run", "--as-of", as_of)
    return Scale(
        source=source,
        attempts=attempts,
        steps=steps,
        changed=changed,
        limit_seconds=limit,
        model_seconds=sum(models.values()),
        slowest_models=_slowest(models),
        first_run=first,
        changed_model_seconds=sum(changed_models.values()),
        slowest_changed_models=_slowest(changed_models),
        change=change,
        nothing=nothing,
    )


def time_limit(source: Path, database: Path) -> float:
    """Seconds of the hand-written query over one landed batch; the better of two runs, as its caches are then warm."""
    query = Path(__file__).with_name("limit.sql").read_text(encoding="utf-8").replace("{landing}", str(source))
    taken = []
    for _ in range(2):
        database.unlink(missing_ok=True)
        with duckdb.connect(str(database)) as con:
            con.execute("set enable_progress_bar = false")
            started = time.perf_counter()
            con.execute(query)
            con.execute("checkpoint")
            taken.append(time.perf_counter() - started)
            [[grades, matches]] = con.execute(
                "select count(*), count_if(coalesce(is_match, false)) from grades"
            ).fetchall()
    if not grades or matches < 0.9 * grades:
        raise AssertionError(f"the query by hand agrees with Moodle on {matches} of {grades} grades only")
    return min(taken)


def model_seconds(data_dir: Path) -> dict[str, float]:
    """dbt's execution time of each model of the last build."""
    results = json.loads((data_dir / "dbt" / "target" / "run_results.json").read_bytes())["results"]
    return {
        result["unique_id"].rsplit(".", 1)[-1]: result["execution_time"]
        for result in results
        if result["unique_id"].startswith("model.")
    }


def _slowest(models: dict[str, float]) -> dict[str, float]:
    return {name: round(models[name], 2) for name in sorted(models, key=lambda name: -models[name])[:8]}
