"""A small institution as a release: every mart by its dbt contract, a few rows that exercise each tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

from serving.release import publish, write_status

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = datetime(2026, 3, 16, 6, tzinfo=UTC)
RELEASED_AT = datetime(2026, 3, 16, 7, 30, tzinfo=UTC)

Row = dict[str, object]


@cache
def contracts() -> Mapping[str, Mapping[str, Any]]:
    """The marts' contracts in dbt's own files, by name."""
    models: dict[str, Mapping[str, Any]] = {}
    for path in sorted((ROOT / "dbt_project" / "models" / "marts").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or []:
            models[model["name"]] = model
    return models


def place(user: str, course: str, **values: object) -> Row:
    """One learner in one course."""
    return {
        "course_completion_key": f"{course}/{user}", "user_key": user, "course_key": course, "status": "in_progress",
        "is_tracked_learner": True, "is_deleted": False, "is_completion_enabled": True,
    } | values  # fmt: skip


def attempt(number: int, user: str, started_at: str, **values: object) -> Row:
    return {
        "attempt_key": f"campus:quiz:{number}", "activity_key": "campus:quiz:7", "course_key": "campus:1",
        "user_key": user, "state": "completed", "is_preview": False, "needs_grading": False,
        "started_at": started_at, "submitted_at": started_at,
    } | values  # fmt: skip


def grade(user: str, **values: object) -> Row:
    return {
        "grade_key": f"campus:quiz:7:0:{user}", "user_key": user, "activity_key": "campus:quiz:7",
        "course_key": "campus:1", "parity": "match", "gradebook_parity": "match",
    } | values  # fmt: skip


def finding(number: int, **values: object) -> Row:
    return {
        "anomaly_key": f"grade_mismatch:{number}", "rule": "grade_mismatch", "severity": "error",
        "title": "A grade differs", "what_to_do": "Regrade the quiz.", "course_key": "campus:1", "user_key": "ada",
        "occurred_at": "2026-03-02 08:00:00+00",
    } | values  # fmt: skip


def usual() -> dict[str, list[Row]]:
    """Two courses, three learners, one company; every grade explained, one attempt waiting."""
    return {
        "dim_courses": [
            {"course_key": "campus:1", "short_name": "ALG", "full_name": "Algebra", "is_deleted": False},
            {"course_key": "campus:2", "short_name": "BIO", "full_name": "Biology & <Life>", "is_deleted": False},
        ],
        "dim_activities": [{"activity_key": "campus:quiz:7", "course_key": "campus:1", "name": "Midterm"}],
        "dim_companies": [{"company_key": "campus:9", "name": "Acme"}],
        "bridge_company_users": [
            {"company_user_key": "campus:9/ada", "company_key": "campus:9", "user_key": "ada"},
        ],
        "dim_dates": [
            {"date_day": day.isoformat(), "week_starts_on": (day - timedelta(days=day.weekday())).isoformat()}
            for day in (datetime(2026, 2, 20).date() + timedelta(days=number) for number in range(30))  # noqa: DTZ001
        ],
        "fct_course_completions": [
            place("ada", "campus:1", status="completed", percentage=100.0),
            place("bob", "campus:1", percentage=50.0),
            place("cyd", "campus:2", is_completion_enabled=False),
        ],
        "fct_attempts": [
            attempt(1, "ada", "2026-02-24 09:00:00+00"),
            attempt(2, "bob", "2026-03-10 09:00:00+00", needs_grading=True),
            attempt(3, "bob", "2026-03-11 09:00:00+00", state="abandoned", submitted_at=None),
            attempt(4, "bob", "2026-03-16 05:00:00+00", state="in_progress", submitted_at=None),
            attempt(5, "tea", "2026-03-10 09:00:00+00", is_preview=True),
        ],
        "fct_grades": [
            grade("ada"),
            grade("bob", gradebook_parity="mismatch", gradebook_reason="overridden"),
            grade("cyd", parity=None, course_key="campus:2"),
        ],
    }


@dataclass
class Institution:
    """A data directory and what is published into it."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def published(self) -> Path:
        return self.data / "published"

    def release(self, rows: Mapping[str, list[Row]], hour: int = 0, **monitoring: pl.DataFrame) -> int:
        """Publish these rows, and every other mart empty; returns the release's id."""
        candidate = self.root / "warehouse.duckdb"
        candidate.unlink(missing_ok=True)
        with duckdb.connect(str(candidate)) as connection:
            connection.execute("set TimeZone = 'UTC'; create schema marts; create schema restricted")
            connection.execute("create table restricted.identities (user_key varchar)")
            for name, model in contracts().items():
                columns = ", ".join(f'"{column["name"]}" {column["data_type"]}' for column in model["columns"])
                connection.execute(f"create table marts.{name} ({columns})")
                for row in rows.get(name, []):
                    names = ", ".join(f'"{column}"' for column in row)
                    connection.execute(
                        f"insert into marts.{name} ({names}) values ({', '.join('?' * len(row))})", list(row.values())
                    )
        published = publish(
            candidate,
            self.data,
            primary_keys={name: model["config"]["meta"]["primary_key"] for name, model in contracts().items()},
            released_at=RELEASED_AT + timedelta(hours=hour),
            as_of={"campus": AS_OF.isoformat()},
            cursors={},
            versions={},
            checks=[],
            monitoring=monitoring,
            keep_last=24,
            keep_hours=48,
            reason="hourly",
        )
        assert published is not None
        return published.release_id

    def status(self, stale_reason: str | None = None, **changes: object) -> None:
        """Write status.json as a run does."""
        last = {"status": "failed" if stale_reason else "succeeded", "finished_at": RELEASED_AT.isoformat()}
        source = {"stale_reason": stale_reason, "last_sync": last}
        write_status(self.data, {"format": 1, "sources": {"campus": source}, "alerts": [], "hold": None} | changes)
