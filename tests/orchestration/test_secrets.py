"""Secrets are read when needed, hidden in all that is written; a pseudonym key is never replaced."""

from __future__ import annotations

import io
import logging
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from ingestion.errors import UsageError
from ingestion.landing import Landing
from orchestration.pseudonyms import pseudonym_key
from orchestration.secrets import RedactingFilter, redact, resolve
from orchestration.settings import Settings


def test_a_resolved_url_hides_its_password_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_URL", "postgresql://u:pl%40nted-pw@h/d")
    assert resolve(SecretStr("env:A_URL"), "sources.a.url").get_secret_value() == "postgresql://u:pl%40nted-pw@h/d"
    assert redact("at postgresql://u:pl%40nted-pw@h/d, pl%40nted-pw, pl@nted-pw") == "at ***, ***, ***"


def test_no_log_line_carries_a_resolved_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "planted-key-7")
    resolve(SecretStr("env:A_KEY"), "a")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("secretive")
    logger.addHandler(handler)
    try:
        raise ValueError("with planted-key-7 inside")
    except ValueError:
        logger.exception("it was %s", "planted-key-7")
    assert "planted-key-7" not in written.getvalue()
    assert "it was ***" in written.getvalue()


def test_a_key_file_is_made_for_its_owner_alone_and_stays(configured: Callable[..., Settings]) -> None:
    settings = configured()
    key = pseudonym_key(settings)
    path = settings.data_dir / "secrets" / "pseudonym.key"
    assert (len(key), stat.S_IMODE(path.stat().st_mode), pseudonym_key(settings)) == (64, 0o600, key)


def _land_something(settings: Settings) -> None:
    with Landing(settings.landing_dir).begin("campus", "moodle", "full", "first_sync", {}, datetime.now(UTC)) as batch:
        batch.commit(datetime.now(UTC), {})


def test_a_lost_key_is_refused_once_data_has_landed(configured: Callable[..., Settings]) -> None:
    settings = configured()
    pseudonym_key(settings)
    _land_something(settings)
    (settings.data_dir / "secrets" / "pseudonym.key").unlink()
    with pytest.raises(UsageError, match="restore it from a backup"):
        pseudonym_key(settings)
    assert not (settings.data_dir / "secrets" / "pseudonym.key").exists()


def test_another_key_is_refused_once_data_has_landed(
    configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = configured('[privacy]\npseudonym_key = "env:A_KEY"\n')
    monkeypatch.setenv("A_KEY", "the first key")
    pseudonym_key(settings)
    monkeypatch.setenv("A_KEY", "a second key")
    assert pseudonym_key(settings) == b"a second key"
    _land_something(settings)
    monkeypatch.setenv("A_KEY", "a third key")
    with pytest.raises(UsageError, match="put the former key back"):
        pseudonym_key(settings)


def test_the_key_can_be_told_from_nothing_that_is_stored(configured: Callable[..., Settings], tmp_path: Path) -> None:
    key = pseudonym_key(configured()).decode()
    stored = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "pseudonym.key"]
    assert stored
    assert not [path for path in stored if key.encode() in path.read_bytes()]
