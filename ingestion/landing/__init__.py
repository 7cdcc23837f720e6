"""Landing: an append-only log of committed batches. It knows nothing of any source system.

    <root>/<source>/<stream>/<batch>.parquet      zstd; the stream's columns, then _batch_id, _extracted_at, _op
    <root>/<source>/_batches/<batch>.json         the manifest; the rename that puts it here is the commit
    <root>/<source>/_batches/writer.lock          held while a batch is written or remains are swept

A batch is 8 digits, one sequence a source, from 00000001. What no manifest names does not exist for readers.
"""

from ingestion.landing.batch import Batch, LedgerError
from ingestion.landing.files import fsync_folder, make_folder, write_atomically
from ingestion.landing.lock import LockedError, LockHolder, living_holder, state_lock
from ingestion.landing.manifest import LandingError, Ledger, Manifest, StreamEntry
from ingestion.landing.store import Landing

__all__ = [
    "Batch",
    "Landing",
    "LandingError",
    "Ledger",
    "LedgerError",
    "LockHolder",
    "LockedError",
    "Manifest",
    "StreamEntry",
    "fsync_folder",
    "living_holder",
    "make_folder",
    "state_lock",
    "write_atomically",
]
