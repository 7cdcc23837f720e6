"""The house rules of the dbt project, held by reading it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingestion.frames import QUARANTINE
from ingestion.moodle import contracts
from tests.dbt_project.conftest import PROJECT

MODELS = PROJECT / "models"


def models(layer: str) -> Iterator[Path]:
    yield from sorted((MODELS / layer).rglob("*.sql"))


def references(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r"ref\('([^']+)'\)", text)) | {
        f"source:{name}" for name in re.findall(r"source\('[^']+', '([^']+)'\)", text)
    }


def test_every_landed_stream_has_a_source_and_a_staging_model() -> None:
    listed = yaml.safe_load((MODELS / "staging/moodle/_moodle__sources.yml").read_text())["sources"][0]["tables"]
    streams = {f"moodle_{stream.name}" for stream in contracts().streams}
    assert {table["name"] for table in listed} >= streams
    staged = set().union(*(references(path) for path in models("staging")))
    assert {f"source:{name}" for name in streams} - staged == set()
    assert f"source:moodle_{QUARANTINE.name}" not in staged


def test_every_model_begins_with_its_grain() -> None:
    bare = [
        str(path.relative_to(MODELS))
        for layer in ("staging", "intermediate", "marts", "restricted")
        for path in models(layer)
        if not re.match(r"(\{\{ config\(.*?\) \}\}\n)?-- One row\b", path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert bare == []


def test_staging_never_joins_and_reads_its_source_only() -> None:
    for path in models("staging"):
        assert not re.search(r"\bjoin\b", path.read_text(encoding="utf-8")), path.name
        assert all(name.startswith("source:") for name in references(path)), path.name


def test_marts_read_intermediate_models_and_marts_only() -> None:
    seeds = {path.stem for path in (PROJECT / "seeds").rglob("*.csv")}
    marts = {path.stem for path in models("marts")}
    for path in models("marts"):
        wrong = {n for n in references(path) if not (n.startswith("int_") or n in marts or n in seeds)}
        assert wrong == set(), path.name


@pytest.mark.parametrize("word", ["current_timestamp", "now()", "current_date", "today()", "random()", "var("])
def test_no_model_asks_the_clock_or_chance(word: str) -> None:
    found = [path.name for path in MODELS.rglob("*.sql") if word in path.read_text(encoding="utf-8").lower()]
    assert found == []
