"""The Moodle source: contracts of its tables, readers for its databases, full and incremental syncs."""

from functools import cache
from pathlib import Path

from ingestion.contracts import Contracts, load_contracts

KIND = "moodle"


@cache
def contracts() -> Contracts:
    """The contracts of all Moodle tables that land."""
    return load_contracts(KIND, Path(__file__).with_name("contracts"))
