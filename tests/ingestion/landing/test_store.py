"""What readers see, and what damage and foreign files do to them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from ingestion.landing import Batch, Landing, LandingError, Ledger, Manifest

AT = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)


def files(landing: Landing) -> set[str]:
    return {str(path.relative_to(landing.root)) for path in landing.root.rglob("*") if path.is_file()}


def test_an_absent_landing_is_empty_and_reading_makes_nothing(landing: Landing) -> None:
    assert landing.sources() == []
    assert landing.batch_ids("campus") == []
    assert landing.newest("campus") is None
    assert list(landing.manifests("campus")) == []
    assert landing.sweep("campus") == []
    assert not landing.root.exists()


def test_a_batch_without_manifest_is_invisible(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.batch.ROW_GROUP_ROWS", 2)
    with begin() as batch:
        batch.append("grades", grades(5))
        assert landing.path("campus", "grades", 1).exists()
        assert landing.sources() == []
        assert landing.batch_ids("campus") == []
        assert landing.newest("campus") is None
        with pytest.raises(LandingError, match="Batch 1 of source campus is not committed"):
            landing.manifest("campus", 1)


def test_readers_go_up_to_the_newest_complete_batch(
    landing: Landing, begin: Callable[..., Batch], commit: Callable[..., Manifest]
) -> None:
    def part() -> None:
        with begin() as batch:
            batch.commit(AT, {}, is_complete=False)

    part()
    assert landing.newest_complete("campus") is None
    second = commit()
    part()
    part()
    assert landing.newest_complete("campus") == second
    assert landing.newest("campus").batch_id == 4
    assert landing.newest_complete("nowhere") is None


def test_the_cursor_is_that_of_the_newest_manifest(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit(cursor={"log": 10})
    commit(0, cursor={"log": 12})
    newest = landing.newest("campus")
    assert newest is not None
    assert (newest.batch_id, newest.cursor_after) == (2, {"log": 12})


def test_what_commit_returns_is_what_readers_get(landing: Landing, commit: Callable[..., Manifest]) -> None:
    assert [commit(1), commit(2), commit(0)] == list(landing.manifests("campus"))
    assert [m.batch_id for m in landing.manifests("campus", after=1)] == [2, 3]
    assert [m.has_rows for m in landing.manifests("campus")] == [True, True, False]


def test_sources_have_their_own_sequences(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit(source="campus")
    commit(source="campus")
    commit(source="abroad")
    assert landing.sources() == ["abroad", "campus"]
    assert landing.batch_ids("abroad") == [1]


def test_files_gives_the_streams_that_have_rows(landing: Landing, begin: Callable[..., Batch]) -> None:
    with begin() as batch:
        batch.open_stream("quiz", {"id": pl.Int64()})
        batch.append("quiz", pl.DataFrame({"id": [1]}))
        batch.count("quiz", received=1, accepted=1)
        batch.commit(AT, {})
    assert landing.files("campus", 1) == {"quiz": landing.path("campus", "quiz", 1)}


def test_a_missing_file_is_named(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit()
    path = landing.path("campus", "grades", 1)
    path.unlink()
    sentence = f"{path} is missing, but batch 1 of source campus names it."
    assert landing.verify("campus", 1) == [sentence]
    with pytest.raises(LandingError) as error:
        landing.files("campus", 1)
    assert str(error.value) == sentence


def test_a_changed_byte_is_found(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit(1000)
    assert landing.verify("campus", 1) == []
    path = landing.path("campus", "grades", 1)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    (sentence,) = landing.verify("campus", 1)
    assert str(path) in sentence
    assert "SHA-256" in sentence


def test_another_batchs_rows_are_found(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit(3)
    commit(4)
    shutil.copy(landing.path("campus", "grades", 2), landing.path("campus", "grades", 1))
    sentences = landing.verify("campus", 1)
    assert any("has 4 rows, its manifest says 3" in sentence for sentence in sentences)
    assert any("SHA-256" in sentence for sentence in sentences)


def test_a_cut_off_file_is_found(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit()
    path = landing.path("campus", "grades", 1)
    path.write_bytes(path.read_bytes()[:-20])
    (sentence,) = landing.verify("campus", 1)
    assert sentence.startswith(f"{path} cannot be read")


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        (Ledger(received=4, accepted=3), "ledger of grades in batch 1 of source campus does not add up"),
        (Ledger(received=4, accepted=4), "names 3 rows of grades, but its ledger 4 accepted"),
    ],
)
def test_a_cooked_ledger_is_found(
    landing: Landing, commit: Callable[..., Manifest], ledger: Ledger, expected: str
) -> None:
    manifest = commit(3)
    cooked = replace(manifest, streams={"grades": replace(manifest.streams["grades"], ledger=ledger)})
    (landing.root / "campus" / "_batches" / "00000001.json").write_text(cooked.to_json())
    assert any(expected in sentence for sentence in landing.verify("campus", 1))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"format": 1, "sour', "Unterminated"),
        (b"\xff\xfe\xff", "decode"),
        (b"[]", "no JSON object"),
        (b'{"format": 2}', "its format is 2, this version reads 1"),
        (b'{"format": 1}', "'source' is missing"),
    ],
)
def test_a_damaged_manifest_is_named_and_never_passed_over(
    landing: Landing, commit: Callable[..., Manifest], text: bytes, reason: str
) -> None:
    commit()
    path = landing.root / "campus" / "_batches" / "00000001.json"
    path.write_bytes(text)
    for read in (lambda: landing.manifest("campus", 1), lambda: landing.newest("campus")):
        with pytest.raises(LandingError, match=reason) as error:
            read()
        assert str(path) in str(error.value)
    assert len(landing.verify("campus", 1)) == 1


def test_a_manifest_in_the_place_of_another_is_refused(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit()
    folder = landing.root / "campus" / "_batches"
    shutil.copy(folder / "00000001.json", folder / "00000002.json")
    with pytest.raises(LandingError, match="it is that of batch 1 of source campus"):
        landing.newest("campus")


def test_a_torn_manifest_is_invisible_and_swept(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit()
    torn = landing.root / "campus" / "_batches" / "00000002.json.x7.tmp"
    torn.write_text('{"format": 1, "source": "cam')
    assert landing.batch_ids("campus") == [1]
    assert landing.sweep("campus") == [torn]
    assert not torn.exists()


def test_sweep_removes_what_no_manifest_names_and_nothing_else(
    landing: Landing, commit: Callable[..., Manifest]
) -> None:
    commit()
    commit(0)
    committed = files(landing)
    remains = [
        landing.path("campus", "grades", 2),
        landing.path("campus", "grades", 3),
        landing.path("campus", "quiz", 1),
        landing.root / "campus" / "quiz" / "00000003.parquet.tmp",
    ]
    (landing.root / "campus" / "quiz").mkdir()
    for path in remains:
        path.write_bytes(b"PAR1")
    assert sorted(landing.sweep("campus")) == sorted(remains)
    assert files(landing) == committed
    assert landing.sweep("campus") == []


def test_sweep_keeps_the_rows_of_a_damaged_manifest(landing: Landing, commit: Callable[..., Manifest]) -> None:
    commit()
    (landing.root / "campus" / "_batches" / "00000001.json").write_bytes(b"")
    with pytest.raises(LandingError):
        landing.sweep("campus")
    assert landing.path("campus", "grades", 1).exists()


FOREIGN = [
    ".DS_Store",
    "README.txt",
    "campus/notes.csv",
    "campus/grades/export.csv",
    "campus/grades/1.parquet",
    "campus/grades/000000002.parquet",
    "campus/_batches/00000009.json.bak",
    "campus/_batches/9.json",
    "campus/_batches/٠٠٠٠٠٠٠٩.json",
    "lost+found/thing",
    "empty/_batches/README",
]


def test_foreign_files_are_neither_read_nor_removed(
    landing: Landing, commit: Callable[..., Manifest], begin: Callable[..., Batch]
) -> None:
    commit()
    for name in FOREIGN:
        path = landing.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("not ours")
    (landing.root / "campus" / "_batches" / "00000008.json").mkdir()
    (landing.root / "campus" / "grades" / "00000008.parquet").mkdir()
    before = files(landing)
    assert landing.sources() == ["campus"]
    assert landing.batch_ids("campus") == [1]
    assert landing.sweep("campus") == []
    assert files(landing) == before
    assert landing.verify("campus", 1) == []
    assert commit().batch_id == 2


def test_remains_of_an_aborted_batch_do_not_get_into_the_next_of_its_id(
    landing: Landing, commit: Callable[..., Manifest]
) -> None:
    commit()
    landing.path("campus", "grades", 2).write_bytes(b"remains")
    (landing.root / "campus" / "quiz").mkdir()
    landing.path("campus", "quiz", 2).write_bytes(b"remains")
    commit(5)
    assert landing.verify("campus", 2) == []
    assert not landing.path("campus", "quiz", 2).exists()


def test_a_source_folder_that_is_a_link_to_a_larger_disk_is_seen(
    landing: Landing, commit: Callable[..., Manifest], tmp_path: Path
) -> None:
    commit()
    (landing.root / "campus").rename(tmp_path / "larger")
    (landing.root / "campus").symlink_to(tmp_path / "larger")
    assert landing.sources() == ["campus"]
    assert commit().batch_id == 2
    assert landing.verify("campus", 2) == []
