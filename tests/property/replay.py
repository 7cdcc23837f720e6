"""dbt's own SQL, replayed in one DuckDB process: what dbt compiled and ran once, run again in milliseconds.

dbt builds an empty warehouse twice, whole and then by touched keys. The statements that it compiled and ran are
kept and replayed on warehouses in memory. Nothing of a model is written again here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from ingestion.landing import Landing
from ingestion.moodle import contracts
from ingestion.warehouse import KnownSource, LoadReport, apply_to
from tests.dbt_project.conftest import Dbt

KEY = b"a key"
SOURCES = (KnownSource("campus", "moodle", "https://campus.example"),)
# What dbt names `warehouse` after its file.
CATALOG = "warehouse"
_TEMPORARY = re.compile(r'"(\w+__dbt_tmp\w*)"')


@dataclass(frozen=True)
class Model:
    """One seed or model. `whole` selects all of it; `touched` and `swap` are there for incremental models only."""

    unique_id: str
    relation: str
    materialized: str
    inputs: tuple[str, ...]
    whole: str
    touched: str = ""
    swap: str = ""

    @property
    def name(self) -> str:
        return self.relation.replace('"', "").removeprefix(f"{CATALOG}.")


@dataclass(frozen=True)
class Models:
    """All seeds and models, each after what it reads."""

    models: tuple[Model, ...]
    warehouse: Path = field(repr=False)

    @classmethod
    def of(cls, dbt: Dbt) -> Models:
        """Take the statements from a warehouse without rows that dbt has just built whole."""
        whole = {name: node for name, node in dbt.manifest()["nodes"].items() if node["resource_type"] != "test"}
        done = dbt.run("run", "--select", "config.materialized:incremental")
        assert done.returncode == 0, done.stdout[-4000:]
        ran = {path.stem: path.read_text(encoding="utf-8") for path in (dbt.folder / "target" / "run").rglob("*.sql")}
        touched = dbt.manifest()["nodes"]
        models = [_model(node, touched[name], ran) for name, node in whole.items() if node["resource_type"] == "model"]
        return cls(tuple(_in_order(models)), dbt.warehouse)

    def broken(self, name: str, old: str, new: str) -> Models:
        """The same models but for one, in which something is written otherwise."""
        changed = [
            replace(model, whole=model.whole.replace(old, new), touched=model.touched.replace(old, new))
            if model.name == name
            else model
            for model in self.models
        ]
        assert changed != list(self.models), f"{name} has no {old}"
        return Models(tuple(changed), self.warehouse)

    @property
    def tables(self) -> tuple[Model, ...]:
        return tuple(model for model in self.models if model.materialized != "view")

    @cached_property
    def incremental(self) -> tuple[Model, ...]:
        return tuple(model for model in self.models if model.materialized == "incremental")

    @cached_property
    def before_incremental(self) -> frozenset[str]:
        """The ids of all that an incremental model reads, directly or not, and of those models themselves."""
        by_id = {model.unique_id: model for model in self.models}
        found: set[str] = set()
        waiting = [model.unique_id for model in self.incremental]
        while waiting:
            name = waiting.pop()
            if name in by_id and name not in found:
                found.add(name)
                waiting += by_id[name].inputs
        return frozenset(found)

    @cached_property
    def landed(self) -> frozenset[str]:
        """The landed tables that incremental models read, directly or not."""
        inputs = {name for model in self.models if model.unique_id in self.before_incremental for name in model.inputs}
        prefix = "source.rollbook.landing."
        return frozenset(name.removeprefix(prefix) for name in inputs if name.startswith(prefix))

    @cached_property
    def marts(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.tables if model.name.startswith(("marts.", "restricted.")))


def _model(node: Mapping[str, Any], touched: Mapping[str, Any], ran: Mapping[str, str]) -> Model:
    materialized = node["config"]["materialized"]
    incremental = materialized == "incremental"
    return Model(
        unique_id=node["unique_id"],
        relation=node["relation_name"],
        materialized=materialized,
        inputs=tuple(node["depends_on"]["nodes"]),
        whole=node["compiled_code"],
        touched=touched["compiled_code"] if incremental else "",
        swap=ran[node["name"]] if incremental else "",
    )


def _in_order(models: Iterable[Model]) -> list[Model]:
    waiting = {model.unique_id: model for model in models}
    ordered: list[Model] = []
    while waiting:
        ready = [model for model in waiting.values() if not any(name in waiting for name in model.inputs)]
        ordered += sorted(ready, key=lambda model: model.unique_id)
        for model in ready:
            del waiting[model.unique_id]
    return ordered


class Warehouse:
    """A warehouse in memory. Landed tables are the loader's own, models are replayed."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self.con = duckdb.connect()
        self.con.execute("set TimeZone = 'UTC'")
        self.con.execute("set threads = 1")
        self.con.execute(f"attach ':memory:' as {CATALOG}")
        self.con.execute(f"attach '{models.warehouse}' as built (read_only)")
        self.con.execute(f"copy from database built to {CATALOG}")
        self.con.execute("detach built")
        self.con.execute(f"use {CATALOG}")
        self._kept = [
            name
            for (name,) in self.con.execute(
                "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'seeds'"
            ).fetchall()
        ]

    def empty(self) -> None:
        """Forget every row but the seeds'."""
        for name in self._kept:
            self.con.execute(f"truncate {name}")

    def load(self, landing: Landing) -> LoadReport:
        report = LoadReport()
        apply_to(self.con, landing, [contracts()], SOURCES, report, pseudonym_key=KEY, time_zone="UTC")
        return report

    def build(self, *, whole: bool = False, all_tables: bool = True) -> None:
        """Build as dbt would: whole when asked for or when a source is new, else by touched keys.

        Without `all_tables`, plain tables that no incremental model reads are left as they are.
        """
        whole = whole or bool(self.rows("select count(*) > 0 from touched.whole")[0][0])
        for model in self._models.tables:
            if not (all_tables or model.unique_id in self._models.before_incremental):
                continue
            if model.materialized == "table" or whole:
                self.con.execute(f"create or replace table {model.relation} as {model.whole}")
            else:
                self._swap(model)
        for (name,) in self.rows("select table_name from duckdb_tables() where schema_name = 'touched'"):
            self.con.execute(f"truncate touched.{name}")

    def stale(self) -> dict[str, list[tuple[Any, ...]]]:
        """By incremental model, rows by which it differs from a whole build on what it reads now."""
        found = {}
        for model in self._models.incremental:
            held, due = f"(select * from {model.relation})", f"({model.whole})"
            rows = self.rows(f"({held} except all {due}) union all ({due} except all {held}) limit 6")
            if rows:
                found[model.name] = rows
        return found

    def has_touched(self) -> bool:
        """Whether anything landed since the last build."""
        tables = self.rows("select table_name from duckdb_tables() where schema_name = 'touched'")
        return any(self.rows(f"select 1 from touched.{name} limit 1") for (name,) in tables)

    def _swap(self, model: Model) -> None:
        found = _TEMPORARY.search(model.swap)
        assert found, model.name
        self.con.execute(f'create or replace temp table "{found[1]}" as {model.touched}')
        self.con.execute("begin")
        self.con.execute(model.swap)
        self.con.execute("commit")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()


def differences(one: Warehouse, other: Warehouse, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """By table, rows that one warehouse has and the other has not; doubles as they are, to nine digits."""
    found = {}
    for table in tables:
        rows = [_content(warehouse, table) for warehouse in (one, other)]
        if rows[0] != rows[1]:
            found[table] = sorted(set(rows[0]) ^ set(rows[1]), key=repr)[:6] or ["the same rows, more or less often"]
    return found


def _content(warehouse: Warehouse, table: str) -> list[tuple[Any, ...]]:
    rows = warehouse.rows(f"select * from {table}")
    plain = [tuple(float(f"{v:.9g}") if isinstance(v, float) else v for v in row) for row in rows]
    return sorted(plain, key=repr)
