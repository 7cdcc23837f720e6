"""The pipeline's steps as plain functions, in the order in which they run. Dagster wraps them; they know nothing of it.

    sync     sources            -> data/landing         a failed source keeps its last landed state
    load     data/landing       -> warehouse, landing   each batch exactly once
    build    landing            -> marts                when something moved: rows, a time boundary, a version
    audit    marts              -> verdict              ours blocks, the source's only when it multiplies
    release  marts              -> data/published       when the audit passed and content differs

Whoever calls a step that changes state holds the state lock (`orchestration.locking`). A candidate that was built and
not yet settled (released, or found equal to the live release) is built again by the next run, so that no failure
between two steps can leave marts behind unreleased.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ingestion import touched
from ingestion.errors import RollbookError
from ingestion.landing import Landing
from orchestration import monitoring, progress
from orchestration.ops import Ops
from orchestration.pseudonyms import pseudonym_key
from orchestration.settings import Settings
from orchestration.transform import NodeResult, Project
from serving.errors import ServingError

if TYPE_CHECKING:
    from ingestion.warehouse import LoadReport
    from serving.audit import AuditReport
    from serving.release import Published


@dataclass(frozen=True)
class Loaded:
    """`due` says in words why the marts have to be built, None when nothing moved or nothing has landed at all."""

    report: LoadReport
    due: str | None
    has_landing: bool


@dataclass(frozen=True)
class Built:
    results: list[NodeResult] = field(default_factory=list)

    @property
    def breaches(self) -> list[NodeResult]:
        return [result for result in self.results if result.is_breach]

    @property
    def verdict(self) -> str:
        """One sentence on the first breach, empty when there is none."""
        if not self.breaches:
            return ""
        first, more = self.breaches[0], len(self.breaches) - 1
        what = f"test {first.name} found {first.failures} rows" if first.status == "fail" else f"{first.name} failed"
        told = f" ({first.message})" if first.status == "error" and first.message else ""
        return f"The marts are not fit for release: {what}{told}{f', and {more} more' if more else ''}."


@dataclass(frozen=True)
class Released:
    """`published` is None when nothing was published; `why_not` then says why, in one sentence."""

    published: Published | None
    why_not: str = ""
    is_held: bool = False


def load(settings: Settings, *, rebuild: bool = False) -> Loaded:
    """Apply every new batch of the landing to the warehouse. With `rebuild`, the warehouse is made anew from all of it.

    Raises UsageError when the pseudonym key is lost or is another one than before.
    """
    from ingestion.moodle import contracts
    from ingestion.warehouse import KnownSource, apply_batches
    from serving.release import sweep

    progress.current().step("load")
    sweep(settings.data_dir)
    ops, landing = Ops(settings.data_dir), Landing(settings.landing_dir)
    complete = {source: landing.newest_complete(source) for source in landing.sources()}
    newest = {source: manifest.batch_id for source, manifest in complete.items() if manifest is not None}
    key = pseudonym_key(settings)
    due, is_lost = ops.fact("build_due"), bool(ops.fact("applied")) and not settings.warehouse.exists()
    # Noted before the load and taken back after it: a process killed in between must not lose it.
    ops.set_fact("build_due", due or "a load was interrupted")
    report = apply_batches(
        settings.warehouse,
        landing,
        [contracts()],
        [KnownSource(name, s.kind, getattr(s, "site_url", None)) for name, s in settings.sources.items()],
        pseudonym_key=key,
        time_zone=settings.site.time_zone,
        rebuild=rebuild,
    )
    if is_lost:
        report.rebuilt = "its file was gone"
    if report.rebuilt:
        progress.current().note(f"the warehouse was made anew from the landing: {report.rebuilt}")
    due = due or _why_build(settings, ops, report, newest)
    ops.set_fact("build_due", due if newest else None)
    ops.set_fact("applied", newest)
    return Loaded(report, due if newest else None, bool(newest))


def _why_build(settings: Settings, ops: Ops, report: LoadReport, newest: dict[str, int]) -> str | None:
    built = ops.fact("built")
    if report.rebuilt:
        return f"the warehouse was rebuilt ({report.rebuilt})"
    if report.rows:
        return f"{report.rows} rows landed"
    if report.boundary_passed:
        return "a time boundary passed"
    if built is None:
        return "the marts were never built"
    if built["fingerprint"] != Project(settings).fingerprint:
        return "the models, their versions or the settings changed"
    return None if is_settled(settings) else "the last candidate was not released"


def is_settled(settings: Settings) -> bool:
    """Whether the last candidate is released, equals the live release, or has passed its audit and is held back."""
    from serving.release import Releases, hold

    ops = Ops(settings.data_dir)
    built = ops.fact("built")
    if built is None:
        return False
    if hold(settings.data_dir) is not None:
        return bool(ops.fact("audited") == built["id"])
    releases = Releases(settings.data_dir)
    current = releases.current_id()
    # A live release that was lost has an earlier one in its place.
    return ops.fact("settled") == built["id"] and current is not None and current == releases.newest_id()


def build(settings: Settings, *, run_id: str, full_refresh: bool = False) -> Built:
    """Build seeds, models and their tests, if anything moved or `full_refresh` asks for it; else nothing happens.

    Models that recompute by key work out again what landed since they were last built; all of it when the models
    changed or a source is new. What landed is forgotten only when every model and test has passed.

    What failed is in the report and in the ledger; then the candidate is not released. Raises RollbookError when
    nothing has landed, or dbt could not begin.
    """
    ops = Ops(settings.data_dir)
    due = ops.fact("build_due")
    if due is None and not full_refresh:
        return Built()
    if not settings.warehouse.exists():
        raise RollbookError("Nothing has landed yet, so there is nothing to build: run rollbook sync first.")
    heard, project = progress.current(), Project(settings)
    heard.step("build")
    ops.set_fact("build_due", due or "a full refresh was interrupted")
    last = ops.fact("built")
    changed = last is None or last["fingerprint"] != project.fingerprint
    whole = full_refresh or changed or touched.is_whole(settings.warehouse)
    if whole and last is not None:
        # Until it has ended, some of what stands is of these models and some of others.
        ops.set_fact("built", last | {"fingerprint": ""})
    built = Built(project.build(full_refresh=whole, log=heard.node))
    now = _now()
    ops.record_results(run_id, "dbt", now, [_as_row(result) for result in built.results if result.mart])
    if built.breaches:
        ops.raise_alert("build", "error", "The marts could not be built", built.verdict, now, run_id)
        monitoring.write(settings.warehouse, monitoring.frames(settings, now))
        return built
    ops.resolve_alert("build", now)
    candidate = monitoring.applied(settings.warehouse)
    ops.set_fact(
        "built",
        {
            "id": (last["id"] if last else 0) + 1,
            "at": now.isoformat(),
            "fingerprint": project.fingerprint,
            "batches": {source: row["batch_id"] for source, row in candidate.items()},
            "as_of": {source: row["as_of"] for source, row in candidate.items()},
        },
    )
    touched.forget(settings.warehouse)
    ops.set_fact("build_due", None)
    heard.note(f"built {sum(r.resource_type == 'model' for r in built.results)} models, all tests passed")
    return built


def audit(settings: Settings, *, run_id: str) -> AuditReport:
    """Hold the built marts against their laws, the landing and the live release; the results go to the ledger.

    Raises RollbookError when there is no built candidate.
    """
    from serving.audit import run_audit
    from serving.release import Releases

    ops = Ops(settings.data_dir)
    built = _candidate(settings, ops)
    heard = progress.current()
    heard.step("audit")
    now = _now()
    report = run_audit(
        settings.warehouse,
        settings.landing_dir,
        Releases(settings.data_dir).live_database(),
        max_growth_percent=settings.audit.max_growth_percent,
        waivers=ops.waivers(),
        primary_keys=Project(settings).primary_keys,
        checked_at=now,
    )
    ops.record_results(run_id, "audit", now, [result.as_row() for result in report.results])
    ops.note_findings(monitoring.findings_in(settings.warehouse), now)
    if report.blocked:
        blocking = [result for result in report.results if result.blocks]
        why = blocked_sentence(blocking).removeprefix("The release is blocked: ")
        ops.raise_alert("audit", "error", "A release is blocked", why, now, run_id)
    else:
        ops.resolve_alert("audit", now)
        ops.set_fact("audited", built["id"])
        heard.note(f"audit passed: {len(report.results)} checks")
    monitoring.write(settings.warehouse, monitoring.frames(settings, now))
    return report


def blocked_sentence(blocking: Sequence[Any]) -> str:
    """Why a release is blocked. Takes results of the audit, or rows of the ledger."""
    first = blocking[0]
    message = first["message"] if isinstance(first, dict) else first.message
    more = f" ({len(blocking) - 1} more checks failed.)" if len(blocking) > 1 else ""
    return f"The release is blocked: {message}{more}"


def release(settings: Settings, *, run_id: str, reason: str = "scheduled") -> Released:
    """Publish the audited candidate, unless a rollback holds releases or no mart differs from the live release.

    Raises RollbookError when the candidate has not passed the audit, ServingError when it could not be published.
    """
    from serving.release import hold, publish

    ops = Ops(settings.data_dir)
    built = _candidate(settings, ops)
    if ops.fact("audited") != built["id"]:
        raise RollbookError("The candidate has not passed the audit: run rollbook audit first.")
    heard = progress.current()
    if held := hold(settings.data_dir):
        heard.note(held)
        return Released(None, held, is_held=True)
    heard.step("release")
    landing, now, project = Landing(settings.landing_dir), _now(), Project(settings)
    try:
        published = publish(
            settings.warehouse,
            settings.data_dir,
            primary_keys=project.primary_keys,
            released_at=now,
            as_of=built["as_of"],
            cursors={
                source: dict(landing.manifest(source, batch_id).cursor_after)
                for source, batch_id in built["batches"].items()
            },
            versions=versions() | {"models": built["fingerprint"], "batches": built["batches"]},
            checks=[_checked(row) for row in ops.results_since(built["at"])],
            monitoring=monitoring.frames(settings, now),
            keep_last=settings.release.keep_last,
            keep_hours=settings.release.keep_hours,
            reason=reason,
        )
    except ServingError as error:
        ops.raise_alert("release", "error", "A release could not be published", str(error), now, run_id)
        raise
    ops.set_fact("settled", built["id"])
    ops.resolve_alert("release", now)
    if published is None:
        heard.note("nothing differs from the live release: none was made")
        return Released(None, "No mart differs from the live release.")
    heard.note(f"release {published.release_id} is live")
    return Released(published)


def rollback(settings: Settings, release_id: int) -> Published:
    """Publish an earlier release's content as a new release; scheduled releases are held from then on."""
    from serving.release import rollback as publish_again

    ops, now = Ops(settings.data_dir), _now()
    published = publish_again(
        settings.data_dir,
        release_id,
        released_at=now,
        keep_last=settings.release.keep_last,
        keep_hours=settings.release.keep_hours,
        reason=f"rollback to release {release_id}",
    )
    ops.set_fact("settled", None)
    return published


def versions() -> dict[str, str]:
    """The versions of Rollbook and of the libraries that shape its results."""
    found = {name: version(name) for name in ("dbt-core", "dbt-duckdb", "duckdb", "polars", "great-expectations")}
    try:
        return {"rollbook": version("rollbook")} | found
    except PackageNotFoundError:
        return found


def require_candidate(settings: Settings) -> None:
    """Raise RollbookError when there are no built marts to audit or to release."""
    _candidate(settings, Ops(settings.data_dir))


def _candidate(settings: Settings, ops: Ops) -> dict[str, Any]:
    built: dict[str, Any] | None = ops.fact("built")
    if built is None or not settings.warehouse.exists() or ops.fact("build_due") is not None:
        raise RollbookError("The marts are not built, or not up to date: run rollbook build first.")
    return built


def _as_row(result: NodeResult) -> dict[str, Any]:
    passed = not result.is_breach
    message = {"fail": f"{result.failures} rows fail", "warn": f"{result.failures} rows fail, a warning"}
    return {
        "check": result.name,
        "kind": "ours",
        "mart": result.mart,
        "passed": passed,
        "blocks": not passed,
        "rows_checked": result.rows or 0,
        "rows_failed": result.failures,
        "message": message.get(result.status, result.message or result.status),
        "evidence": json.dumps(result.evidence),
    }


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    told = ("check", "kind", "mart", "passed", "blocks", "rows_checked", "rows_failed", "message")
    return {name: row[name] for name in told}


def _now() -> datetime:
    return datetime.now(UTC)
