"""The page in a real browser: it is drawn, and nothing is asked of any other machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dashboards.views import overview
from tests.dashboards.institution import ROOT, Institution

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    """A tab of the machine's own Chromium, in light mode, 1400 pixels wide."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": 1400, "height": 3200}, color_scheme="light")
        finally:
            browser.close()


@pytest.fixture
def address(usual_institution: Institution, tmp_path: Path) -> Iterator[str]:
    """The app as `streamlit run` serves it, started from another folder than the project's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = str(ROOT / "dashboards" / "app.py")
    log = tmp_path / "streamlit.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    environment |= {"ROLLBOOK_PUBLISHED": str(usual_institution.published), "HOME": str(tmp_path)}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", app, "--server.headless", "true", "--server.port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(f"http://127.0.0.1:{port}/_stcore/health", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(150):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"Streamlit did not start: {log.read_text()}")


def test_the_page_is_drawn_and_no_request_leaves_this_machine(tab: Page, address: str, tmp_path: Path) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("websocket", lambda websocket: asked.append(websocket.url))
    tab.goto(address)
    for section in overview.VIEW.sections:
        tab.get_by_role("heading", name=section.title).wait_for(timeout=30_000)
    tab.locator("canvas, svg.marks").first.wait_for(timeout=30_000)
    for text in (
        "Release 1, published 16 Mar 2026, 07:30 UTC",
        "Good news: each of 3 grades agrees or has a known reason.",
        "Biology & <Life>",
        "Attempts begun each week",
        "No open alerts.",
    ):
        assert tab.get_by_text(text).first.is_visible(), text
    definition = tab.get_by_text("Zero is what it should be.")
    assert not definition.is_visible()
    tab.get_by_text("How to read this").first.click()
    assert definition.is_visible()

    tab.screenshot(path=tmp_path / "overview.png", full_page=True)
    assert (tmp_path / "overview.png").stat().st_size > 20_000
    assert len(asked) > 10
    assert strangers(asked) == []


def strangers(urls: list[str]) -> list[str]:
    """The addresses that are neither this machine's nor part of the page itself."""
    parts = [(url, urlsplit(url)) for url in urls]
    return [url for url, part in parts if part.scheme not in ("data", "blob") and part.hostname != "127.0.0.1"]


def test_a_request_to_another_machine_would_be_noticed() -> None:
    own = ["http://127.0.0.1:8501/a.js", "ws://127.0.0.1:8501/_stcore/stream", "data:image/png;base64,AA", "blob:x"]
    others = [
        "https://fonts.example/a.woff",
        "http://127.0.0.1.example/x",
        "wss://metrics.example",
        "//cdn.example/a.js",
    ]
    assert strangers([*own, *others]) == others
