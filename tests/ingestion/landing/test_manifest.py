"""Manifests and ledgers, by their properties."""

from __future__ import annotations

import json
import string
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.landing import Landing, LandingError, Ledger, LedgerError, Manifest, StreamEntry

AT = datetime(2024, 5, 6, tzinfo=UTC)

counts = st.integers(0, 2**63)
names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20)
texts = st.text(st.characters(codec=None), max_size=30)
times = st.datetimes(timezones=st.just(UTC))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)
ledgers = st.builds(Ledger, counts, counts, counts, counts, counts, counts)
entries = st.builds(
    StreamEntry,
    file=st.none() | texts,
    rows=counts,
    sha256=st.none() | texts,
    bytes=counts,
    source_seconds=st.floats(0, allow_nan=False, allow_infinity=False),
    ledger=ledgers,
)
manifests = st.builds(
    Manifest,
    source=names,
    kind=names,
    batch_id=st.integers(1, 99_999_999),
    mode=names,
    reason=texts,
    as_of=times,
    extracted_at=times,
    committed_at=times,
    cursor_before=objects,
    cursor_after=objects,
    is_complete=st.booleans(),
    contract_version=texts,
    notes=st.lists(texts, max_size=3).map(tuple),
    amended_by=st.none() | objects,
    streams=st.dictionaries(names, entries, max_size=4),
)


@given(manifests)
@settings(deadline=None)
def test_a_manifest_comes_back_from_json_unchanged(manifest: Manifest) -> None:
    text = manifest.to_json()
    assert Manifest.from_json(text) == manifest
    assert Manifest.from_json(text.encode()).to_json() == text


@given(manifests, st.data())
@settings(deadline=None)
def test_a_torn_manifest_never_reads_as_one(manifest: Manifest, data: st.DataObject) -> None:
    text = manifest.to_json().rstrip()
    with pytest.raises(ValueError):
        Manifest.from_json(text[: data.draw(st.integers(0, len(text) - 1))])


@given(manifests, st.data())
@settings(deadline=None)
def test_a_manifest_that_lacks_a_field_or_holds_another_type_is_refused(
    manifest: Manifest, data: st.DataObject
) -> None:
    document = json.loads(manifest.to_json())
    name = data.draw(st.sampled_from(sorted(document)))
    lacking = {key: value for key, value in document.items() if key != name}
    with pytest.raises(ValueError):
        Manifest.from_json(json.dumps(lacking))
    with pytest.raises(ValueError):
        Manifest.from_json(json.dumps(document | {name: 1.5}))


def test_fields_of_a_later_version_are_passed_over() -> None:
    manifest = Manifest("campus", "moodle", 1, "full", "r", AT, AT, AT, {}, {})
    document = json.loads(manifest.to_json()) | {"region": "south"}
    assert Manifest.from_json(json.dumps(document)) == manifest


@given(ledgers, ledgers)
def test_the_sum_of_balanced_ledgers_is_balanced(left: Ledger, right: Ledger) -> None:
    balanced = [
        Ledger(one.accepted + one.duplicate + one.ignored + one.quarantined, one.accepted, one.duplicate, one.ignored,
               one.quarantined, one.deleted)
        for one in (left, right)
    ]  # fmt: skip
    assert (balanced[0] + balanced[1]).is_balanced


@pytest.mark.parametrize("count", [-1, 1.0, True, None, "1"])
def test_a_ledger_counts_with_whole_numbers_from_zero(count: object) -> None:
    with pytest.raises(ValueError, match="ignored must be a count"):
        Ledger(ignored=count)  # type: ignore[arg-type]


small = st.integers(0, 4)


@given(
    appended=small,
    deletes=small,
    counted=st.lists(st.builds(Ledger, small, small, small, small, small, small), max_size=3),
    honest=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_a_batch_commits_exactly_when_its_ledger_is_true(
    appended: int, deletes: int, counted: list[Ledger], honest: bool
) -> None:
    if honest:
        counted = [Ledger(received=appended + 3, accepted=appended, duplicate=1, quarantined=2, deleted=deletes)]
    total = sum(counted, Ledger())
    is_true = (
        total.received == total.accepted + total.duplicate + total.ignored + total.quarantined
        and total.accepted == appended
        and total.deleted == deletes
    )
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing")
        with landing.begin("campus", "moodle", "full", "r", {}, AT) as batch:
            batch.open_stream("grades", {"id": pl.Int64()})
            batch.append("grades", pl.DataFrame({"id": range(appended)}, schema={"id": pl.Int64()}))
            batch.append("grades", pl.DataFrame({"id": range(deletes)}, schema={"id": pl.Int64()}), "delete")
            for part in counted:
                batch.count("grades", **vars(part))
            try:
                batch.commit(AT, {})
            except LedgerError:
                assert not is_true
            else:
                assert is_true
        assert landing.batch_ids("campus") == ([1] if is_true else [])


@given(st.lists(st.sampled_from(["commit", "empty", "abort", "crash", "sweep"]), max_size=8))
@settings(deadline=None, max_examples=40)
def test_any_history_leaves_a_gapless_sequence_of_sound_batches(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing")
        cursor = 0
        for step in steps:
            following = len(landing.batch_ids("campus")) + 1
            if step == "sweep":
                landing.sweep("campus")
                continue
            if step == "crash":
                path = landing.path("campus", "grades", following)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"PAR1")
                continue
            newest = landing.newest("campus")
            with landing.begin("campus", "moodle", "full", "r", newest.cursor_after if newest else {}, AT) as batch:
                assert batch.id == following
                batch.open_stream("grades", {"id": pl.Int64()})
                if step != "empty":
                    batch.append("grades", pl.DataFrame({"id": [batch.id]}))
                    batch.count("grades", received=1, accepted=1)
                if step != "abort":
                    cursor += 1
                    batch.commit(AT, {"n": cursor})
        manifests = list(landing.manifests("campus"))
        assert [m.batch_id for m in manifests] == list(range(1, cursor + 1))
        assert [m.cursor_after["n"] for m in manifests] == list(range(1, cursor + 1))
        assert [m.cursor_before.get("n", 0) for m in manifests] == list(range(cursor))
        landing.sweep("campus")
        assert sum(landing.verify("campus", m.batch_id) != [] for m in manifests) == 0
        named = [path for m in manifests for path in landing.files("campus", m.batch_id).values()]
        assert sorted(landing.root.rglob("*.parquet")) == sorted(named)


def test_an_absent_batch_is_a_sentence_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"Batch 4 of source campus is not committed: .*00000004\.json is missing\."):
        Landing(tmp_path).manifest("campus", 4)
