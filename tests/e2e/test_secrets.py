"""Secrets stay in the environment: planted ones are found in nothing that Rollbook writes or says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.conftest import AS_OF, Installation
from tests.servers import Server

pytestmark = pytest.mark.slow


def files_with(folder: Path, *needles: bytes) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and any(needle in path.read_bytes() for needle in needles)
    ]


def test_a_password_and_a_pseudonym_key_are_written_nowhere(
    postgresql: Server, secretive: str, load_site: Any, make_installation: Callable[[str], Installation]
) -> None:
    load_site(postgresql, "iomad", "pg")
    postgresql.run("e2e_iomad", "grant select on all tables in schema public to secretive")
    installation = make_installation("secrets")
    url = postgresql.url("e2e_iomad").replace("postgres@", f"secretive:{quote(secretive, safe='')}@")
    installation.configure(url, '[privacy]\npseudonym_key = "env:PSEUDONYM_KEY"\n')
    key = installation.environment["PSEUDONYM_KEY"] = "a-key-of-its-own-that-nobody-guesses"
    good = installation.run("run", "--as-of", AS_OF["iomad"])
    # The same secret on an address where nothing answers: drivers like to quote what they were given.
    installation.environment["MOODLE_URL"] = url.replace("/e2e_iomad", "/no_such_database")
    bad = installation.run("run", "--as-of", AS_OF["iomad"], expect=1)
    needles = [text.encode() for text in (secretive, quote(secretive, safe=""), key)]
    said = "".join((good.stdout, good.stderr, bad.stdout, bad.stderr)).encode()
    assert not any(needle in said for needle in needles)
    assert files_with(installation.folder, *needles) == []


def test_what_a_site_keeps_secret_never_leaves_it(make_installation: Callable[[str], Installation]) -> None:
    """The demonstration institution baits every password and key of its database with one word."""
    installation = make_installation("demo_secrets")
    installation.run("demo", "--folder", str(installation.folder / "demo"))
    found = files_with(installation.folder, b"demo-secret")
    assert found == ["demo/moodle.sqlite"]
