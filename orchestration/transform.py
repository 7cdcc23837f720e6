"""dbt, run inside this process: no second interpreter, no second start, one call a run.

A dbt command line of its own costs four seconds of start-up and Dagster's wrapper for it two more; the runner that dbt
offers to programs costs neither and hands back results instead of log lines.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingestion.errors import RollbookError
from ingestion.landing import make_folder
from orchestration.secrets import redact
from orchestration.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
EVIDENCE_ROWS = 20
_IGNORED = {"target", "logs", "dbt_packages"}
# Evidence is published with the release, so it comes only from marts, which hold no account's own id.
_EVIDENT_SCHEMA = "marts"


@dataclass(frozen=True)
class NodeResult:
    """What became of one seed, model or test.

    `status`: success, pass, warn, fail, error, skipped. `mart` is the table that it is or is about, with its schema
    unless that is marts; `rows` are that table's, None for a view.
    """

    unique_id: str
    resource_type: str
    name: str
    status: str
    message: str
    seconds: float
    failures: int = 0
    rows: int | None = None
    mart: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)
    query: str = ""

    @property
    def is_breach(self) -> bool:
        """Whether this stops the release."""
        return self.status in ("fail", "error")


@dataclass(frozen=True)
class Project:
    """The dbt project with the warehouse of one data directory."""

    settings: Settings

    @property
    def manifest_path(self) -> Path:
        return self.settings.dbt_dir / "target" / "manifest.json"

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """dbt's manifest; the project is parsed first when it is missing or older than any of the project's files."""
        path = self.manifest_path
        if not path.exists() or path.stat().st_mtime < max(file.stat().st_mtime for file in self._files()):
            self._invoke("parse")
        try:
            content: Mapping[str, Any] = json.loads(path.read_bytes())
        except ValueError:
            # dbt writes it in place, so one that was killed meanwhile leaves half of it.
            self._invoke("parse")
            content = json.loads(path.read_bytes())
        return content

    @cached_property
    def primary_keys(self) -> dict[str, str]:
        """The key column of each mart, as its description declares it."""
        return {
            node["name"]: node["config"]["meta"]["primary_key"]
            for node in self.manifest["nodes"].values()
            if node["resource_type"] == "model" and node["schema"] == "marts"
        }

    @cached_property
    def fingerprint(self) -> str:
        """Changes with whatever, beside the landed rows, makes the marts what they are."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(f"{path.relative_to(PROJECT)}\0".encode())
            digest.update(path.read_bytes())
        settings = self.settings
        digest.update(json.dumps([version(name) for name in ("duckdb", "dbt-core", "dbt-duckdb")]).encode())
        digest.update(settings.site.model_dump_json().encode())
        digest.update(json.dumps([rule.model_dump() for rule in settings.identity]).encode())
        sites = {name: url for name, source in settings.sources.items() if (url := getattr(source, "site_url", None))}
        digest.update(json.dumps(sites, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def build(self, *, full_refresh: bool = False, log: Callable[[str], None] | None = None) -> list[NodeResult]:
        """Seeds, models and data tests, in one call; unit tests belong to the test suite.

        Without a full refresh, views stay as the last one made them: they hold no rows, and whatever changes the
        project's fingerprint asks for a full refresh.

        Failed tests carry sample rows. Raises RollbookError when dbt could not begin. The warehouse's file is free
        again on return.
        """
        self._forget_manifest()
        extent = ["--full-refresh"] if full_refresh else ["--exclude", "config.materialized:view"]
        arguments = ["build", "--exclude-resource-type", "unit_test", *extent]
        results = [self._result(item) for item in self._invoke(*arguments, log=log).results]
        return self._with_evidence(results)

    def _forget_manifest(self) -> None:
        for name in ("manifest", "primary_keys"):
            self.__dict__.pop(name, None)

    def _files(self) -> list[Path]:
        return sorted(
            path
            for path in PROJECT.rglob("*")
            if path.is_file() and not _IGNORED & set(path.relative_to(PROJECT).parts) and not path.name.startswith(".")
        )

    def _invoke(self, *arguments: str, log: Callable[[str], None] | None = None) -> Any:
        from dbt.cli.main import dbtRunner

        folder = self.settings.dbt_dir
        make_folder(folder)
        os.environ["ROLLBOOK_WAREHOUSE"] = str(self.settings.warehouse)
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        places += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
        runner = dbtRunner(callbacks=[_progress(log)] if log else [])
        # dbt tells progress on stdout, which belongs to the command that was asked for.
        with _warehouse_released(), contextlib.redirect_stdout(io.StringIO()):
            outcome = runner.invoke(["--quiet", "--no-use-colors", *arguments, *places])
        if outcome.exception is not None:
            raise RollbookError(f"dbt could not {arguments[0]}: {_first_line(outcome.exception)}.") from None
        return outcome.result

    def _result(self, item: Any) -> NodeResult:
        node = item.node
        return NodeResult(
            unique_id=node.unique_id,
            resource_type=node.resource_type.value,
            name=node.name,
            status=item.status.value,
            message=_first_line(item.message or ""),
            seconds=round(item.execution_time, 3),
            failures=item.failures or 0,
            mart=self._attached(node),
            query=(getattr(node, "compiled_code", None) or "") if item.status.value in ("fail", "warn") else "",
        )

    def _attached(self, node: Any) -> str:
        """The table that a node is or that a test is about, with its schema unless it is a mart."""
        if node.resource_type.value == "test":
            named = node.attached_node or next(iter(node.depends_on.nodes), "")
            about = self.manifest["nodes"].get(named) or self.manifest["sources"].get(named)
            schema, name = (about["schema"], about["name"]) if about else ("", named)
        else:
            schema, name = node.schema, node.name
        return name if schema in ("", _EVIDENT_SCHEMA) else f"{schema}.{name}"

    def _with_evidence(self, results: list[NodeResult]) -> list[NodeResult]:
        import duckdb

        with duckdb.connect(str(self.settings.warehouse), read_only=True) as con:
            con.execute("set TimeZone = 'UTC'")
            counted = con.execute("select schema_name || '.' || table_name, estimated_size from duckdb_tables()")
            rows = {name.removeprefix(f"{_EVIDENT_SCHEMA}."): size for name, size in counted.fetchall()}
            return [_sampled(con, replace(result, rows=rows.get(result.mart))) for result in results]


def _sampled(con: Any, result: NodeResult) -> NodeResult:
    if not result.query or "." in result.mart:
        return result
    cursor = con.execute(f"select * from ({result.query.rstrip().rstrip(';')}) as failed limit {EVIDENCE_ROWS}")
    names = [column[0] for column in cursor.description]
    evidence = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()]
    return replace(result, evidence=evidence)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _progress(log: Callable[[str], None]) -> Callable[[Any], None]:
    def told(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogSeedResult"):
            log(f"{event.data.node_info.node_name} {event.data.status.lower()}")

    return told


def _first_line(error: object) -> str:
    """The telling line of a dbt message: the first, or the second where the first only names the place."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    if not lines:
        return type(error).__name__ if isinstance(error, BaseException) else ""
    said = ": ".join(lines[:2]) if lines[0].endswith(")") and len(lines) > 1 else lines[0]
    return redact(said)[:400].rstrip(".")


@contextlib.contextmanager
def _warehouse_released() -> Iterator[None]:
    """dbt-duckdb keeps the file open, and so locked, until its process ends; let go of it when dbt has ended."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    try:
        yield
    finally:
        DuckDBConnectionManager.close_all_connections()
