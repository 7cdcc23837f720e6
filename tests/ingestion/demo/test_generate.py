from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ingestion.demo import generate
from ingestion.demo.__main__ import main
from ingestion.errors import UsageError
from tests.ingestion.demo.conftest import Made


def _dump(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def test_the_same_seed_gives_the_same_rows_and_faults(faulty: Made, tmp_path: Path) -> None:
    again = generate(tmp_path)
    assert _dump(again.database) == _dump(faulty.institution.database)
    assert again.faults.read_bytes() == faulty.institution.faults.read_bytes()
    assert again.as_of == faulty.institution.as_of


def test_another_seed_gives_other_people_marks_and_victims(faulty: Made, tmp_path: Path) -> None:
    other = generate(tmp_path, seed=8)
    one, two = set(_dump(faulty.institution.database)), set(_dump(other.database))
    assert len(one - two) > 20_000
    assert other.faults.read_bytes() != faulty.institution.faults.read_bytes()


def test_generating_twice_into_a_folder_replaces_what_is_there(faulty: Made, tmp_path: Path) -> None:
    generate(tmp_path, seed=8)
    assert _dump(generate(tmp_path).database) == _dump(faulty.institution.database)


def test_the_institution_has_the_size_it_is_asked_for(
    clean: Made, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    record_property("generation_seconds", round(clean.seconds, 2))
    print(f"generated in {clean.seconds:.2f} s")
    assert clean.site.value("SELECT count(*) FROM mdl_user") == 150
    assert 2900 <= int(str(clean.site.value("SELECT count(*) FROM mdl_quiz_attempts"))) <= 3100
    assert 25_000 <= int(str(clean.site.value("SELECT count(*) FROM mdl_question_attempt_steps"))) <= 40_000

    assert main([str(tmp_path), "--students", "300", "--attempts", "9000", "--seed", "3"]) == 0
    connection = sqlite3.connect(tmp_path / "moodle.sqlite")
    assert connection.execute("SELECT count(*) FROM mdl_user").fetchone()[0] == 312
    assert 8800 <= connection.execute("SELECT count(*) FROM mdl_quiz_attempts").fetchone()[0] <= 9200
    connection.close()


@pytest.mark.parametrize("sizes", [{"students": 59}, {"attempts": 999}, {"students": 0, "attempts": 0}])
def test_a_size_too_small_for_every_situation_is_refused_in_one_sentence(
    sizes: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="at least 60 students and 1000 attempts"):
        generate(tmp_path, **sizes)
    options = [text for name, value in sizes.items() for text in (f"--{name}", str(value))]
    assert main([str(tmp_path / "never"), *options]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("seed", range(20, 26))
def test_the_smallest_institution_holds_every_fault_for_any_seed(seed: int, tmp_path: Path) -> None:
    made = generate(tmp_path, seed, students=60, attempts=1000)
    assert made.faults.read_text(encoding="utf-8").count('"anomaly_rule"') == 25
