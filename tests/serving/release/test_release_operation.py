"""What operators do with releases: verify, roll back, hold, resume, keep and let go; and who may read what."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from serving.errors import ServingError
from serving.release import hold, resume, verify, write_status
from tests.serving.release.candidates import START, Workshop, changes, flip_byte, read, tree


def test_a_published_release_is_sound(workshop: Workshop) -> None:
    workshop.released(1)
    assert verify(workshop.data, 1) == []


PUBLIC = ["rollbook.duckdb", "changes.parquet", "parquet/fct_grades.parquet", "manifest.json"]


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("at", [0.02, 0.5, 0.98])
def test_verify_finds_a_flipped_byte(workshop: Workshop, name: str, at: float) -> None:
    path = workshop.released(1).path / name
    flip_byte(path, at)
    assert any(path.name in fault or "manifest" in fault for fault in verify(workshop.data, 1))


FAULTS: list[tuple[Callable[[Path, Path], object], str]] = [
    (lambda public, _: (public / "changes.parquet").unlink(), "changes.parquet is missing."),
    (lambda public, _: (public / "parquet/dim_users.parquet").unlink(), "parquet/dim_users.parquet is missing."),
    (lambda public, _: (public / "rollbook.duckdb").unlink(), "rollbook.duckdb is missing."),
    (lambda public, _: (public / "rollbook.duckdb").write_bytes(b"short"), "rollbook.duckdb has 5 bytes instead of"),
    (lambda public, _: (public / "manifest.json").unlink(), "There is no release 1"),
    (lambda public, _: (public / "manifest.json").write_text("{"), "manifest of release 1 cannot be read"),
    (lambda public, _: (public / "manifest.json").write_text('{"format": 1}'), "lacks what a manifest has to say"),
    (lambda public, _: (public / "manifest.json").write_text('{"format": 9}'), "not in format 1"),
    (lambda public, _: (public / "extra.csv").write_text("x"), "extra.csv is not part of release 1."),
    (lambda _, private: (private / "restricted.duckdb").unlink(), "restricted.duckdb is missing."),
    (lambda _, private: flip_byte(private / "restricted.duckdb"), "restricted.duckdb has changed"),
    (lambda _, private: (private / "restricted.duckdb").chmod(0o644), "restricted.duckdb has mode 0644 instead of"),
    (lambda _, private: private.chmod(0o755), "00000001 has mode 0755 instead of 0700."),
]


@pytest.mark.parametrize(("damage", "sentence"), FAULTS)
def test_verify_names_what_is_wrong(workshop: Workshop, damage: Callable[[Path, Path], object], sentence: str) -> None:
    workshop.released(1)
    damage(workshop.releases.path(1), workshop.releases.restricted_path(1))
    found = verify(workshop.data, 1)
    assert len(found) == 1
    assert sentence in found[0]


def test_verify_notices_a_manifest_that_was_rewritten_to_fit_other_content(workshop: Workshop) -> None:
    path = workshop.released(1).path / "manifest.json"
    path.write_text(path.read_text().replace('"scheduled"', '"forged"'))
    assert verify(workshop.data, 1) == ["manifest.json is not the one that release 1 was published with."]


def test_a_rollback_publishes_earlier_content_as_a_new_release_and_holds_the_next(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("update marts.fct_grades set grade = 0 where grade_key in ('campus:1', 'campus:2')")
    workshop.sql("update restricted.identities set first_name = 'Wrong'")
    workshop.released(2)
    published = workshop.rollback(1, day=3)
    assert (published.release_id, published.previous_id) == (3, 2)
    assert published.manifest["rolled_back_to"] == 1
    assert published.manifest["as_of"] == workshop.releases.manifest(1)["as_of"]
    assert [step[1:3] for step in changes(published.path / "changes.parquet")] == [
        ("campus:1", "update"),
        ("campus:2", "update"),
    ]
    grades = "select grade_key, grade, user_key from r.marts.fct_grades order by all"
    assert workshop.rows(grades) == workshop.rows(grades, release_id=1)
    assert workshop.rows("select distinct changed_release from r.marts.fct_grades order by all") == [(1,), (3,)]
    assert workshop.rows("from r.monitoring.alerts") == [("late", None)]
    identities = workshop.releases.restricted_path(3) / "restricted.duckdb"
    assert ("Wrong",) not in read(identities, "select first_name from r.restricted.identities")
    assert verify(workshop.data, 3) == []
    reason = hold(workshop.data)
    assert reason is not None
    assert "rollback to release 1 (the grades were wrong)" in reason
    resume(workshop.data)
    assert hold(workshop.data) is None
    resume(workshop.data)


def test_a_rollback_survives_marts_that_came_or_changed_since(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.keys |= {"fct_new": "new_key", "dim_users": "id"}
    workshop.sql(
        """create table marts.fct_new as select 'a' as new_key;
        alter table marts.dim_users rename column user_key to id; drop table marts.dim_courses"""
    )
    workshop.released(2)
    published = workshop.rollback(1, day=3)
    assert set(published.manifest["marts"]) == {"fct_grades", "dim_users", "dim_courses"}
    assert published.manifest["dropped_marts"] == {"fct_new": {"inserted": 0, "updated": 0, "deleted": 1}}


@pytest.mark.parametrize(
    ("release_id", "sentence"),
    [(9, "There is no release 9"), (2, "Release 2 is the newest already"), (1, "Release 1 is damaged")],
)
def test_a_rollback_that_cannot_be_says_why_and_holds_nothing(
    workshop: Workshop, release_id: int, sentence: str
) -> None:
    flip_byte(workshop.released(1).path / "rollbook.duckdb")
    workshop.sql("update marts.fct_grades set grade = 0")
    workshop.released(2)
    before = tree(workshop.data)
    with pytest.raises(ServingError, match=sentence):
        workshop.rollback(release_id, day=3)
    assert tree(workshop.data) == before
    assert hold(workshop.data) is None


def test_a_rollback_that_fails_half_way_leaves_the_hold_as_it_was(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.released(1)
    workshop.sql("update marts.fct_grades set grade = 0")
    workshop.released(2)
    seen = []

    def full(*_: object) -> None:
        seen.append(hold(workshop.data))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.release.publishing.build", full)
    with pytest.raises(ServingError, match="release 2 stays live: No space left on device"):
        workshop.rollback(1, day=3)
    assert seen[0] is not None
    assert hold(workshop.data) is None


def test_a_hold_whose_note_is_damaged_still_holds(workshop: Workshop) -> None:
    workshop.released(1)
    (workshop.data / "ops" / "release_hold.json").write_text("{")
    assert "--resume" in (hold(workshop.data) or "")


@pytest.mark.parametrize(
    ("keep_last", "keep_hours", "kept"),
    [
        (2, 0, [5, 6]),
        (1, 0, [6]),
        (0, 0, [6]),
        (99, 0, [1, 2, 3, 4, 5, 6]),
        (1, 25, [5, 6]),
        (1, 72.5, [3, 4, 5, 6]),
        (3, 25, [4, 5, 6]),
    ],
)
def test_a_release_stays_while_count_or_age_keeps_it(
    workshop: Workshop, keep_last: int, keep_hours: float, kept: list[int]
) -> None:
    for day in range(1, 7):
        workshop.sql(f"update marts.dim_users set source = '{day}' where user_key = 'u1'")
        keeping = {"keep_last": keep_last, "keep_hours": keep_hours} if day == 6 else {"keep_last": 99}
        published = workshop.released(day, **keeping)
    assert workshop.releases.ids() == kept
    assert list(published.removed) == [release_id for release_id in range(1, 7) if release_id not in kept]
    assert sorted(path.name for path in workshop.releases.restricted.iterdir()) == [f"{i:08d}" for i in kept]


def test_a_shared_parquet_file_outlives_the_release_that_wrote_it(workshop: Workshop) -> None:
    for day in (1, 2):
        workshop.sql(f"update marts.dim_users set source = '{day}'")
        workshop.released(day, keep_last=1, keep_hours=0)
    assert workshop.releases.ids() == [2]
    assert verify(workshop.data, 2) == []


def _modes(folder: Path) -> dict[str, str]:
    paths = [folder, *folder.rglob("*")]
    return {
        str(path.relative_to(folder.parent)): f"{stat.S_IMODE(path.lstat().st_mode):04o}"
        for path in paths
        if not path.is_symlink()
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_everyone_may_read_what_is_published_and_nobody_else_the_identities(workshop: Workshop, umask: int) -> None:
    before = os.umask(umask)
    try:
        workshop.released(1)
        workshop.sql("update marts.dim_users set source = 'other'")
        workshop.released(2)
        write_status(workshop.data, {"release": 2})
    finally:
        os.umask(before)
    published = _modes(workshop.data / "published")
    assert {mode for name, mode in published.items() if "." in Path(name).name} == {"0644"}
    assert {mode for name, mode in published.items() if "." not in Path(name).name} == {"0755"}
    assert _modes(workshop.data / "restricted") == {
        "restricted": "0700",
        "restricted/00000001": "0700",
        "restricted/00000001/restricted.duckdb": "0600",
        "restricted/00000002": "0700",
        "restricted/00000002/restricted.duckdb": "0600",
    }
    assert _modes(workshop.data / "ops") == {"ops": "0700", "ops/releases.json": "0600"}


def test_the_status_is_replaced_in_one_step(workshop: Workshop) -> None:
    write_status(workshop.data, {"release": None})
    path = workshop.data / "published" / "status.json"
    with path.open() as reader:
        write_status(workshop.data, {"release": 1, "at": START, "lag": timedelta(hours=1).total_seconds()})
        assert json.load(reader) == {"release": None}
    assert json.loads(path.read_text()) == {"release": 1, "at": "2026-03-01T08:00:00+00:00", "lag": 3600.0}
    assert [entry.name for entry in path.parent.iterdir()] == ["status.json"]


READ_EVERYTHING = """
import sys, duckdb
print(duckdb.__version__)
for path in sys.argv[1:]:
    connection = duckdb.connect(path, read_only=True)
    tables = "select database_name, schema_name, table_name from duckdb_tables() order by all"
    for database, schema, table in connection.execute(tables).fetchall():
        count = f"select count(*), count(distinct hash(t)) from {database}.{schema}.{table} t"
        print(f"{schema}.{table}", connection.execute(count).fetchone()[0])
"""


def test_duckdb_1_4_reads_every_table_of_a_release(workshop: Workshop, python_with_duckdb_1_4: Path) -> None:
    workshop.begin(5000)
    workshop.keys["rpt"] = "k"
    workshop.sql(
        """create table marts.rpt as select 'a' as k, 1::hugeint as h, 2::ubigint as u, date '2026-01-01' as d,
        interval 1 day as i, [1, 2] as l, {'a': 1, 'b': 'x'} as s, map {'a': 1} as m, '{"a": 1}'::json as j,
        uuid() as id, 'a'::enum ('a', 'b') as e, time '10:00' as t, 1.5::float as f, 'x'::blob as b"""
    )
    frame = pl.DataFrame({"a": [None], "l": [[None]], "at": [START], "n": [pl.Series([1.5])]})
    workshop.released(1, monitoring={"alerts": frame})
    workshop.sql("delete from marts.fct_grades where user_key = 'u3'")
    workshop.released(2)
    paths = [
        workshop.releases.path(1) / "rollbook.duckdb",
        workshop.releases.path(2) / "rollbook.duckdb",
        workshop.releases.restricted_path(2) / "restricted.duckdb",
    ]
    done = subprocess.run(
        [python_with_duckdb_1_4, "-c", READ_EVERYTHING, *map(str, paths)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    version, *lines = done.stdout.splitlines()
    assert version.startswith("1.4.")
    for line in ("marts.fct_grades 5000", "marts.rpt 1", "monitoring.current_release 1", "restricted.identities 7"):
        assert line in lines
    assert "monitoring.changes 5722" in lines
