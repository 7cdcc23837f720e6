"""A seeded institution to show Rollbook on: a Moodle 4.5 database in SQLite with named faults planted in it.

It shares no rule with the pipeline that reads it.
"""

from ingestion.demo.generate import DemoInstitution, generate

__all__ = ["DemoInstitution", "generate"]
