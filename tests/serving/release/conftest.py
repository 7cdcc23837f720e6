"""A fresh workshop for each test, and a Python that has DuckDB 1.4."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.release.candidates import Workshop, fast_folder


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with tempfile.TemporaryDirectory(prefix="rollbook-release-", dir=fast_folder()) as folder:
        yield Workshop(Path(folder)).begin()


@pytest.fixture(scope="session")
def python_with_duckdb_1_4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment of its own; the test skips where no package index answers."""
    folder = Path(tmp_path_factory.mktemp("duckdb14")) / "environment"
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1"]
    try:
        done = subprocess.run([*command, "duckdb==1.4.*"], capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        pytest.skip("DuckDB 1.4 could not be installed: the package index did not answer within 180 s")
    if done.returncode != 0:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["unknown"]
        pytest.skip(f"DuckDB 1.4 could not be installed: {reason[-1]}")
    return python
