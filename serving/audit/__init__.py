"""Audit of the candidate: what is checked before a release, and what stops it.

    structure       the tables and columns are there, and none that names a person
    reconciliation  landing against marts, the ledger, the committed batches against landing's tables
    independent     quiz grades worked out again from landing's files, in Polars
    growth          the source's findings against those of the live release
    laws, suites    keys, grains, value sets and score bounds, as Great Expectations

"Ours" blocks always; "source" blocks only when a rule's findings grow beyond the limit.
"""

from serving.audit.report import AuditReport, CheckResult
from serving.audit.run import run_audit

__all__ = ["AuditReport", "CheckResult", "run_audit"]
