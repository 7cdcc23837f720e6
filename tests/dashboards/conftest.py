"""Institutions whose releases the pages are shown, and the page's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import page
from tests.dashboards.institution import RELEASED_AT, ROOT, Institution, usual

Shown = Callable[[], AppTest]


@pytest.fixture
def institution(tmp_path: Path) -> Institution:
    return Institution(tmp_path)


@pytest.fixture(scope="session")
def usual_institution(tmp_path_factory: pytest.TempPathFactory) -> Institution:
    """The usual rows, released once; only read."""
    institution = Institution(tmp_path_factory.mktemp("usual"))
    institution.release(usual())
    institution.status()
    return institution


@pytest.fixture(scope="session")
def empty_institution(tmp_path_factory: pytest.TempPathFactory) -> Institution:
    """Every mart without a row, and no status; only read."""
    institution = Institution(tmp_path_factory.mktemp("empty"))
    institution.release({})
    return institution


@pytest.fixture
def at_release(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the page's clock; it stands one hour after the release unless a test moves it."""

    def turn(moment: datetime) -> None:
        monkeypatch.setattr(page, "clock", lambda: moment)

    turn(RELEASED_AT + timedelta(hours=1))
    return turn


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, at_release: Callable[[datetime], None]) -> Callable[[Path], AppTest]:
    """Open the app on a published folder and wait until it is drawn."""

    def open_app(published: Path) -> AppTest:
        monkeypatch.setenv("ROLLBOOK_PUBLISHED", str(published))
        return AppTest.from_file(str(ROOT / "dashboards" / "app.py"), default_timeout=30).run()

    return open_app
