"""What a batch promises: exact types, ledgers that add up, all or nothing."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from ingestion.landing import Batch, Landing, LedgerError, LockedError, Manifest

AT = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)

SCHEMA = {
    "id": pl.Int64(),
    "grade": pl.Decimal(18, 5),
    "fraction": pl.Decimal(20, 7),
    "score": pl.Float64(),
    "name": pl.String(),
    "stored_at": pl.Datetime("us", "UTC"),
    "is_new": pl.Boolean(),
    "day": pl.Date(),
    "raw": pl.Binary(),
    "tags": pl.List(pl.String()),
}
ROWS = [
    {
        "id": 2**63 - 1,
        "grade": Decimal("9999999999999.99999"),
        "fraction": Decimal("-9999999999999.9999999"),
        "score": 0.1 + 0.2,
        "name": "Zoë \U0001f600 'quoted'\n\x00",
        "stored_at": datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        "is_new": True,
        "day": date(2024, 2, 29),
        "raw": b"\x00\xff",
        "tags": ["a", None, ""],
    },
    dict.fromkeys(SCHEMA),
    {
        "id": -(2**63),
        "grade": Decimal("0.00001"),
        "fraction": Decimal("0.3333333"),
        "score": -0.0,
        "name": "",
        "stored_at": datetime(2300, 1, 1, tzinfo=UTC),
        "is_new": False,
        "day": date(1900, 1, 1),
        "raw": b"",
        "tags": [],
    },
]


def test_every_type_comes_back_exactly(landing: Landing) -> None:
    rows = pl.DataFrame(ROWS, schema=SCHEMA)
    with landing.begin("lrs", "xapi", "full", "no history", {}, AT) as batch:
        batch.open_stream("statements", SCHEMA)
        batch.append("statements", rows)
        batch.count("statements", received=3, accepted=3)
        batch.commit(AT, {})
    back = pl.read_parquet(landing.path("lrs", "statements", 1))
    assert_frame_equal(back.select(SCHEMA.keys()), rows, check_exact=True)
    assert dict(back.schema) == SCHEMA | {
        "_batch_id": pl.Int64(),
        "_extracted_at": pl.Datetime("us", "UTC"),
        "_op": pl.String(),
    }


def test_duckdb_reads_the_declared_types(landing: Landing) -> None:
    with landing.begin("lrs", "xapi", "full", "no history", {}, AT) as batch:
        batch.open_stream("statements", SCHEMA)
        batch.append("statements", pl.DataFrame(ROWS, schema=SCHEMA))
        batch.count("statements", received=3, accepted=3)
        batch.commit(AT, {})
    path = landing.path("lrs", "statements", 1)
    described = duckdb.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
    assert {name: kind for name, kind, *_ in described} == {
        "id": "BIGINT",
        "grade": "DECIMAL(18,5)",
        "fraction": "DECIMAL(20,7)",
        "score": "DOUBLE",
        "name": "VARCHAR",
        "stored_at": "TIMESTAMP WITH TIME ZONE",
        "is_new": "BOOLEAN",
        "day": "DATE",
        "raw": "BLOB",
        "tags": "VARCHAR[]",
        "_batch_id": "BIGINT",
        "_extracted_at": "TIMESTAMP WITH TIME ZONE",
        "_op": "VARCHAR",
    }


def test_rows_carry_batch_time_and_op_in_the_order_of_appending(landing: Landing, begin: Callable[..., Batch]) -> None:
    with begin() as batch:
        batch.append("grades", pl.DataFrame({"grade": [None], "id": [7]}, schema_overrides={"id": pl.Int64()}))
        batch.append("grades", pl.DataFrame({"id": [5, 6]}), "delete")
        batch.count("grades", received=1, accepted=1, deleted=2)
        manifest = batch.commit(AT, {})
    rows = pl.read_parquet(landing.path("campus", "grades", 1)).rows()
    assert rows == [
        (7, None, 1, AT, "upsert"),
        (5, None, 1, AT, "delete"),
        (6, None, 1, AT, "delete"),
    ]
    assert manifest.streams["grades"].rows == 3


def test_times_of_any_zone_are_kept_in_utc(landing: Landing) -> None:
    madrid = AT.astimezone(timezone(timedelta(hours=2)))
    with landing.begin("campus", "moodle", "full", "no history", {}, madrid) as batch:
        batch.commit(madrid, {})
    manifest = landing.manifest("campus", 1)
    assert (manifest.as_of, manifest.as_of.utcoffset()) == (AT, timedelta(0))
    assert manifest.extracted_at.utcoffset() == timedelta(0)


def test_a_time_without_zone_is_refused(landing: Landing, begin: Callable[..., Batch]) -> None:
    with pytest.raises(ValueError, match="extracted_at needs a time zone"):
        landing.begin("campus", "moodle", "full", "r", {}, AT.replace(tzinfo=None))
    with begin() as batch, pytest.raises(ValueError, match="as_of needs a time zone"):
        batch.commit(AT.replace(tzinfo=None), {})


def test_a_stream_without_rows_has_no_file_but_stands_in_the_manifest(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame]
) -> None:
    with begin() as batch:
        batch.append("grades", grades(0))
        batch.count("grades", received=9, duplicate=9, source_seconds=1.5)
        manifest = batch.commit(AT, {})
    entry = manifest.streams["grades"]
    assert (entry.file, entry.rows, entry.sha256, entry.bytes, entry.source_seconds) == (None, 0, None, 0, 1.5)
    assert entry.ledger.duplicate == 9
    assert not manifest.has_rows
    assert not landing.path("campus", "grades", 1).exists()
    assert landing.verify("campus", 1) == []


@pytest.mark.parametrize(
    ("appended", "deletes", "counts", "reason"),
    [
        (3, 0, {}, "counts 0 accepted rows but 3 were appended"),
        (3, 0, {"received": 4, "accepted": 3}, "does not add up"),
        (3, 0, {"received": 2, "accepted": 3}, "does not add up"),
        (3, 0, {"received": 5, "accepted": 3, "quarantined": 1}, "does not add up"),
        (3, 0, {"received": 3, "accepted": 3, "ignored": 1}, "does not add up"),
        (2, 0, {"received": 3, "accepted": 3}, "counts 3 accepted rows but 2 were appended"),
        (3, 2, {"received": 3, "accepted": 3}, "counts 0 deleted rows but 2 were appended"),
        (3, 0, {"received": 3, "accepted": 3, "deleted": 1}, "counts 1 deleted rows but 0 were appended"),
        (3, 2, {"received": 5, "accepted": 5}, "counts 5 accepted rows but 3 were appended"),
    ],
)
def test_a_ledger_that_does_not_add_up_is_refused(
    landing: Landing,
    begin: Callable[..., Batch],
    grades: Callable[..., pl.DataFrame],
    appended: int,
    deletes: int,
    counts: dict[str, int],
    reason: str,
) -> None:
    with begin() as batch:
        batch.append("grades", grades(appended))
        batch.append("grades", grades(deletes), "delete")
        batch.count("grades", **counts)
        with pytest.raises(LedgerError, match=f"stream grades .*{reason}"):
            batch.commit(AT, {})
    assert landing.batch_ids("campus") == []
    assert list(landing.root.rglob("*.parquet")) == []


def test_a_refused_batch_can_be_mended_and_committed(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame]
) -> None:
    with begin() as batch:
        batch.append("grades", grades(2))
        batch.count("grades", received=3, accepted=2)
        with pytest.raises(LedgerError):
            batch.commit(AT, {})
        batch.count("grades", quarantined=1)
        batch.commit(AT, {})
    assert landing.verify("campus", 1) == []


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (pl.DataFrame({"id": [1], "grade": [1.5]}), "grade of stream grades is Decimal.*, not Float64"),
        (pl.DataFrame({"id": ["1"], "grade": [None]}), "id of stream grades is Int64, not String"),
        (pl.DataFrame({"id": [1]}), "lack column grade"),
        (pl.DataFrame({"id": [1], "grade": [None], "password": ["x"]}), "has no column password"),
    ],
)
def test_rows_of_another_schema_are_refused_not_cast(
    begin: Callable[..., Batch], rows: pl.DataFrame, reason: str
) -> None:
    with begin() as batch:
        with pytest.raises(ValueError, match=reason):
            batch.append("grades", rows)
        assert batch.commit(AT, {}).streams["grades"].rows == 0


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({}, "has no columns"),
        ({"_op": pl.String()}, "belongs to the landing"),
        ({"at": pl.Datetime("us")}, "cannot land as"),
        ({"at": pl.Datetime("ns", "UTC")}, "cannot land as"),
        ({"state": pl.Categorical()}, "cannot land as"),
        ({"thing": pl.Object()}, "cannot land as"),
    ],
)
def test_a_schema_that_would_not_come_back_is_refused(
    begin: Callable[..., Batch], schema: dict[str, pl.DataType], reason: str
) -> None:
    with begin() as batch, pytest.raises(ValueError, match=reason):
        batch.open_stream("events", schema)


def test_a_stream_is_opened_before_it_is_used_and_keeps_its_schema(begin: Callable[..., Batch]) -> None:
    with begin() as batch:
        with pytest.raises(ValueError, match="gradse is not open"):
            batch.count("gradse", received=1)
        with pytest.raises(ValueError, match="gradse is not open"):
            batch.append("gradse", pl.DataFrame({"id": [1]}))
        batch.open_stream("grades", {"id": pl.Int64(), "grade": pl.Decimal(18, 5)})
        with pytest.raises(ValueError, match="another schema"):
            batch.open_stream("grades", {"id": pl.Int64()})


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "_batches", ".hidden", "a b", "ñ", "x" * 101, "a\n"])
def test_a_name_that_could_leave_the_folder_is_refused(
    landing: Landing, begin: Callable[..., Batch], name: str
) -> None:
    with pytest.raises(Exception, match=r"name .* must be letters, digits"):
        landing.begin(name, "moodle", "full", "r", {}, AT)
    with begin() as batch, pytest.raises(Exception, match=r"name .* must be letters, digits"):
        batch.open_stream(name, {"id": pl.Int64()})


@pytest.mark.parametrize(
    "cursor", [{"at": AT}, {"n": Decimal(1)}, {"n": float("nan")}, {1: "x"}, {"ids": (1, 2)}, {"deep": {"s": {1}}}]
)
def test_a_cursor_that_json_would_change_is_refused(
    landing: Landing, begin: Callable[..., Batch], cursor: dict
) -> None:
    with pytest.raises(ValueError, match="cursor_before must hold JSON values"):
        landing.begin("campus", "moodle", "full", "r", cursor, AT)
    with begin() as batch, pytest.raises(ValueError, match="cursor_after must hold JSON values"):
        batch.commit(AT, cursor)


def test_leaving_without_commit_removes_the_files_and_frees_the_id(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.batch.ROW_GROUP_ROWS", 2)

    def fail() -> None:
        with begin() as batch:
            batch.append("grades", grades(5))
            assert landing.path("campus", "grades", 1).stat().st_size > 4
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(landing.root.rglob("*.parquet")) == []
    assert landing.batch_ids("campus") == []
    with begin() as again:
        assert again.id == 1


def test_a_committed_id_is_never_used_again(commit: Callable[..., Manifest], begin: Callable[..., Batch]) -> None:
    assert [commit().batch_id, commit(0).batch_id] == [1, 2]
    with begin():
        pass
    assert commit().batch_id == 3


def test_a_batch_that_is_over_takes_nothing_more(begin: Callable[..., Batch], landing: Landing) -> None:
    with begin() as batch:
        batch.commit(AT, {})
        with pytest.raises(RuntimeError, match="is over"):
            batch.append("grades", pl.DataFrame({"id": [1], "grade": [None]}))
        with pytest.raises(RuntimeError, match="is over"):
            batch.commit(AT, {})
        batch.abort()
    assert landing.batch_ids("campus") == [1]


def test_only_one_batch_of_a_source_is_written_at_a_time(begin: Callable[..., Batch], landing: Landing) -> None:
    with begin() as batch:
        with pytest.raises(
            LockedError, match=f"source campus is in use by 'a batch.*process {os.getpid()}, started 20"
        ):
            begin()
        with pytest.raises(LockedError):
            landing.sweep("campus")
        with begin("exams") as other:
            assert (batch.id, other.id) == (1, 1)
    with begin() as batch:
        assert batch.id == 1


def test_threads_append_to_one_batch_without_losing_rows(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.batch.ROW_GROUP_ROWS", 1000)
    with begin() as batch:

        def write(first: int) -> None:
            for step in range(20):
                batch.append("grades", grades(100, first + step * 100))
                batch.count("grades", received=100, accepted=100)

        threads = [threading.Thread(target=write, args=(1 + 2000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        batch.commit(AT, {})
    ids = pl.read_parquet(landing.path("campus", "grades", 1))["id"].sort()
    assert ids.to_list() == list(range(1, 8001))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_what_lands_whatever_the_umask(
    tmp_path: Path, commit: Callable[..., Manifest], umask: int
) -> None:
    before = os.umask(umask)
    try:
        commit()
    finally:
        os.umask(before)
    made = [tmp_path / "data" / "landing", *(tmp_path / "data" / "landing").rglob("*")]
    assert len(made) == 7
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in made} == {
        path.name: "0o700" if path.is_dir() else "0o600" for path in made
    }
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o711


@pytest.mark.parametrize("frame_rows", [1_000, 90_000, 1_000_000])
def test_row_groups_are_of_a_sane_size_whatever_is_appended(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame], frame_rows: int
) -> None:
    rows = grades(1_000_000)
    with begin() as batch:
        for part in rows.iter_slices(frame_rows):
            batch.append("grades", part)
        batch.count("grades", received=1_000_000, accepted=1_000_000)
        batch.commit(AT, {})
    path = landing.path("campus", "grades", 1)
    meta = pq.read_metadata(path)
    sizes = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
    assert sum(sizes) == 1_000_000
    assert all(100_000 <= size <= 375_000 for size in sizes)
    assert {meta.row_group(0).column(c).compression for c in range(meta.num_columns)} == {"ZSTD"}
    assert_frame_equal(pl.read_parquet(path, columns=["id", "grade"]), rows)


def test_wide_rows_end_a_row_group_by_bytes(
    landing: Landing, begin: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.batch.ROW_GROUP_BYTES", 100_000)
    with begin() as batch:
        batch.open_stream("statements", {"raw": pl.String()})
        batch.append("statements", pl.DataFrame({"raw": ["x" * 1000] * 1000}))
        batch.count("statements", received=1000, accepted=1000)
        batch.commit(AT, {})
    assert pq.read_metadata(landing.path("campus", "statements", 1)).num_row_groups == 10
