"""Bad input after a good release: one sentence, the right exit code, and everything that was there stays as it was."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from ingestion.demo import generate
from tests.e2e.conftest import Installation
from tests.servers import Server

pytestmark = pytest.mark.slow

AS_OF = "2026-06-30T12:00:00+00:00"
PROGRESS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")


@dataclass(frozen=True)
class Campus:
    """An installation with one good release, and the database that it came from."""

    installation: Installation
    database: Path

    @property
    def config(self) -> Path:
        return self.installation.folder / "rollbook.toml"

    def point_at(self, url: str) -> None:
        self.installation.environment["MOODLE_URL"] = url

    def kept(self) -> tuple[Path, dict[str, bytes]]:
        """What no failure may change: the live release and the landed batches."""
        landing = self.installation.folder / "data/landing"
        files = {str(path.relative_to(landing)): path.read_bytes() for path in landing.rglob("*") if path.is_file()}
        return self.installation.current, files


@pytest.fixture(scope="module")
def released(make_installation: Callable[[str], Installation]) -> Campus:
    installation = make_installation("bad_input")
    database = generate(installation.folder / "demo", students=60, attempts=1000).database
    installation.configure(f"sqlite:///{database}")
    installation.run("run", "--as-of", AS_OF)
    return Campus(installation, database)


@pytest.fixture
def campus(released: Campus) -> Campus:
    """The good installation, its configuration and environment restored."""
    released.installation.configure(f"sqlite:///{released.database}")
    return released


def unknown_scheme(campus: Campus) -> None:
    campus.point_at("oracle://reader@127.0.0.1/moodle")


def nothing_listens(campus: Campus) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    campus.point_at(f"postgresql://reader@127.0.0.1:{port}/moodle")


def unset_variable(campus: Campus) -> None:
    del campus.installation.environment["MOODLE_URL"]


def missing_file(campus: Campus) -> None:
    campus.point_at(f"sqlite:///{campus.installation.folder / 'nowhere.sqlite'}")


def no_database(campus: Campus) -> None:
    file = campus.installation.folder / "letter.sqlite"
    file.write_text("Dear Sir or Madam, this is no database.\n" * 100, encoding="utf-8")
    campus.point_at(f"sqlite:///{file}")


def empty_database(campus: Campus) -> None:
    file = campus.installation.folder / "empty.sqlite"
    with closing(sqlite3.connect(file)) as con:
        con.execute("vacuum")
    campus.point_at(f"sqlite:///{file}")


def missing_table(campus: Campus) -> None:
    file = campus.installation.folder / "without.sqlite"
    shutil.copyfile(campus.database, file)
    with closing(sqlite3.connect(file)) as con:
        con.execute("drop table mdl_quiz_attempts")
    campus.point_at(f"sqlite:///{file}")


def foreign_prefix(campus: Campus) -> None:
    campus.config.write_text(campus.config.read_text() + 'prefix = "other_"\n', encoding="utf-8")


def unreadable_toml(campus: Campus) -> None:
    campus.config.write_text(campus.config.read_text() + "prefix = \n", encoding="utf-8")


def missing_configuration(campus: Campus) -> None:
    campus.config.unlink()


def unknown_setting(campus: Campus) -> None:
    campus.config.write_text(campus.config.read_text() + 'prefx = "mdl_"\n', encoding="utf-8")


CASES: dict[str, tuple[Callable[[Campus], None], int, tuple[str, ...]]] = {
    "unknown_scheme": (unknown_scheme, 2, ("url of source campus", "postgresql://, mysql:// or sqlite:///")),
    "nothing_listens": (nothing_listens, 1, ("campus", "nothing answers at its address")),
    "unset_variable": (unset_variable, 2, ("MOODLE_URL", "sources.campus.url", "is not set")),
    "missing_file": (missing_file, 1, ("campus", "SQLite file does not exist")),
    "no_database": (no_database, 1, ("campus", "not a database")),
    "empty_database": (empty_database, 2, ("campus", "shows no tables")),
    "missing_table": (missing_table, 2, ("campus", "no table mdl_quiz_attempts")),
    "foreign_prefix": (foreign_prefix, 2, ("prefix 'other_'", "begin with 'mdl_'")),
    "unreadable_toml": (unreadable_toml, 2, ("rollbook.toml", "is no TOML")),
    "missing_configuration": (missing_configuration, 2, ("no configuration at", "rollbook.toml")),
    "unknown_setting": (unknown_setting, 2, ("no setting sources.campus.prefx", "did you mean prefix?")),
}


def assert_refused(campus: Campus, code: int, words: tuple[str, ...]) -> str:
    """Run, hold the refusal against what is expected, and return everything that was said."""
    before = campus.kept()
    assert before[1]
    done = campus.installation.run("run", "--as-of", AS_OF, expect=code)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "Unexpected" not in said
    complaints = [line for line in done.stderr.splitlines() if line.strip() and not PROGRESS.match(line)]
    assert len(complaints) == 1, done.stderr
    [complaint] = complaints
    assert complaint.endswith((".", "?")), complaint
    for word in words:
        assert word in complaint
    assert campus.kept() == before
    return said


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_sentence_and_changes_nothing(campus: Campus, name: str) -> None:
    change, code, words = CASES[name]
    change(campus)
    assert_refused(campus, code, words)


def test_a_wrong_password_is_one_sentence_that_does_not_repeat_it(
    campus: Campus, postgresql: Server, secretive: str
) -> None:
    wrong = f"not-{secretive}"
    campus.point_at(postgresql.url("postgres").replace("postgres@", f"secretive:{quote(wrong, safe='')}@"))
    said = assert_refused(campus, 1, ("campus", "refuses the user name or password"))
    assert wrong not in said
    assert quote(wrong, safe="") not in said
