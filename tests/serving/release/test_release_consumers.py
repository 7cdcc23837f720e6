"""The consumers' law: whoever applies the changes has the release."""

import math
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.serving.release.candidates import Snapshot, Workshop, apply, changes, fast_folder, filled, snapshot

# Key, text, double, decimal: columns and types of a mart as its model changes over the years.
SHAPES = {
    "plain": {"k": "varchar", "v": "varchar", "d": "double", "m": "decimal(12,5)"},
    "reordered": {"m": "decimal(12,5)", "d": "double", "k": "varchar", "v": "varchar"},
    "wider": {"k": "varchar", "v": "varchar", "d": "double", "m": "decimal(12,5)", "w": "integer"},
    "narrower": {"k": "varchar", "d": "double"},
    "retyped": {"k": "varchar", "v": "varchar", "d": "float", "m": "varchar"},
    "number as key": {"k": "bigint", "v": "varchar", "d": "double", "m": "decimal(12,5)"},
}
VALUES = {
    "v": st.sampled_from([None, "", "a", "b"]),
    "d": st.sampled_from([None, 0.0, 1e-17, 1.0, 1.0 + 1e-13, 1.0 + 6e-10, 1.0 + 12e-10, 2.5, math.nan, math.inf]),
    "m": st.sampled_from([None, 1, 1.5]),
    "w": st.sampled_from([None, 7]),
}
ROWS = st.dictionaries(st.integers(1, 6), st.fixed_dictionaries(VALUES), max_size=6)
AS_BEFORE = ["same", "shaken"]  # shaken: every double moves by less than counts
MART = st.sampled_from([None, *AS_BEFORE]) | st.tuples(st.sampled_from(["plain", "plain", *SHAPES]), ROWS)
STATE = st.tuples(MART, st.sampled_from(AS_BEFORE) | ROWS, st.sampled_from([1, 40]))


def _write(shop: Workshop, marts: dict[str, tuple[str, dict[int, dict[str, Any]]]]) -> None:
    shop.candidate.unlink(missing_ok=True)
    with duckdb.connect(str(shop.candidate)) as connection:
        connection.execute("create schema marts; create schema restricted")
        for mart, (shape, rows) in marts.items():
            columns = SHAPES[shape]
            connection.execute(f"create table marts.{mart} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
            for key, row in rows.items():
                values = [{"k": key, **row}[column] for column in columns]
                connection.execute(f"insert into marts.{mart} values ({', '.join('?' * len(values))})", values)


def _after(state: Any, before: Any) -> Any:
    """The state that the draw stands for, given the one before."""
    if state not in AS_BEFORE or before is None:
        return None if state in AS_BEFORE else state
    shape, rows = before
    factor = 1 + 1e-13 if state == "shaken" else 1
    return shape, {key: row | {"d": row["d"] and row["d"] * factor} for key, row in rows.items()}


def _has_content(shop: Workshop, release_id: int, marts: dict[str, Any]) -> None:
    """The release holds the candidate's rows; only doubles may differ, and those by next to nothing."""
    assert set(shop.releases.manifest(release_id)["marts"]) == set(marts)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{shop.releases.path(release_id)}/rollbook.duckdb' as r (read_only)")
        connection.execute(f"attach '{shop.candidate}' as c (read_only)")
        for mart, (shape, _) in marts.items():
            columns = ", ".join(f"round({c}, 8) as {c}" if c == "d" else c for c in SHAPES[shape])
            pair = [f"select {columns} from {database}.marts.{mart}" for database in "rc"]
            for one, other in (pair, pair[::-1]):
                assert connection.execute(f"({one}) except all ({other})").fetchall() == []


QUICK = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]  # explaining a failure takes minutes here


@settings(max_examples=25, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STATE, min_size=2, max_size=4))
def test_applying_all_changes_since_any_base_gives_the_release(states: list[Any]) -> None:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        shop = Workshop(Path(folder), keys={"fct_a": "k", "dim_b": "k"})
        copy: Snapshot = {}
        seen: dict[int, Snapshot] = {0: {}}
        day, fct, dim = 0, None, ("plain", {})
        for fct_draw, dim_draw, days in states:
            fct = _after(fct_draw, fct)
            dim = _after(dim_draw if dim_draw in AS_BEFORE else ("plain", dim_draw), dim)
            marts = {"dim_b": dim} | ({} if fct is None else {"fct_a": fct})
            _write(shop, marts)
            day += days
            published = shop.publish(day, keep_last=99)
            newest = shop.releases.current_id()
            assert newest is not None
            _has_content(shop, newest, marts)
            if published is None:
                continue
            content = snapshot(shop.releases, newest)
            step = changes(published.path / "changes.parquet")
            copy = apply(copy, step, content)
            assert copy == filled(content)
            touched = {(mart, key) for mart, key, op, _ in step if op != "delete"}
            stamped = {
                (m, k) for m, rows in content.items() for k, row in rows.items() if ("changed_release", newest) in row
            }
            assert stamped == touched
            for base, past in seen.items():
                if base >= published.manifest["oldest_base"]:
                    later = [c for c in changes(published.path / "rollbook.duckdb") if c[3] > base]
                    assert _caught_up(past, later, content) == filled(content)
            seen[newest] = content


def _caught_up(past: Snapshot, steps: list[tuple[str, str, str, int]], content: Snapshot) -> Snapshot:
    """A consumer that slept through releases applies the last op of each key."""
    last = {(mart, key): op for mart, key, op, _ in steps}
    result = {mart: dict(rows) for mart, rows in past.items()}
    for (mart, key), op in last.items():
        if op == "delete":
            result.get(mart, {}).pop(key, None)
        else:
            result.setdefault(mart, {})[key] = content[mart][key]
    return filled(result)


def test_an_empty_copy_follows_real_releases_through_a_rollback(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("update marts.fct_grades set grade = 0; delete from marts.dim_users where user_key = 'u2'")
    workshop.released(2)
    workshop.rollback(1, day=3)
    copy: Snapshot = {}
    for release_id in (1, 2, 3):
        content = snapshot(workshop.releases, release_id)
        copy = apply(copy, changes(workshop.releases.path(release_id) / "changes.parquet"), content)
        assert copy == filled(content)


def test_a_consumer_reloads_when_the_release_it_knows_can_no_longer_be_compared_with(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("update marts.fct_grades set grade = 0")
    lost = workshop.released(2)
    (lost.path / "manifest.json").unlink()
    workshop.sql("update marts.fct_grades set grade = 1")
    published = workshop.released(3)
    assert published.previous_id == 1
    assert published.manifest["oldest_base"] == 3
    workshop.sql("update marts.fct_grades set grade = 2")
    assert workshop.released(4).manifest["oldest_base"] == 3
