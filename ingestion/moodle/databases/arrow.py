"""Arrow streams out of connectorx, frame by frame, its failures turned into one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import connectorx
import polars as pl

from ingestion.errors import SourceError
from ingestion.moodle.source import MoodleSource


def stream(source: MoodleSource, url: str, sql: str, before: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read a query in frames of `source.batch_rows`; `before` runs on the stream's own connection first."""
    try:
        reader = connectorx.read_sql(
            url, sql, return_type="arrow_stream", batch_size=source.batch_rows, pre_execution_query=list(before)
        )
        for batch in reader:
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame.cast({pl.Int32: pl.Int64})
    except GeneratorExit:
        raise
    except BaseException as error:
        # A failure in the middle of a stream arrives as a Rust panic, which is no Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise failure(source, error) from None
        raise


# Words of the drivers, and what they mean. The first that is found counts.
_LASTING = (
    ("statement timeout", "a query took longer than statement_timeout_seconds; raise it for this source"),
    ("max_statement_time", "a query took longer than statement_timeout_seconds; raise it for this source"),
    ("password authentication failed", "the database refuses the user name or password"),
    ("Access denied", "the database refuses the user name or password, or the database is closed to that user"),
    ("permission denied", "the database user may not read a table; rollbook doctor --grants prints the grants to give"),
    ("command denied", "the database user may not read a table; rollbook doctor --grants prints the grants to give"),
    ("Unknown database", "that database does not exist"),
    ("does not exist", "the database, the role or a table in it does not exist"),
    ("could not translate host name", "its host name is unknown"),
    ("Name or service not known", "its host name is unknown"),
)
_PASSING = (
    ("Temporary failure in name resolution", "its host name is unknown"),
    ("refused", "nothing answers at its address"),
    ("timed out", "its address did not answer in time"),
    ("timeout expired", "its address did not answer in time"),
    ("terminating connection", "the database ended the connection"),
    ("Lost connection", "the database ended the connection"),
    ("closed the connection", "the database ended the connection"),
    ("gone away", "the database ended the connection"),
    ("starting up", "the database is starting"),
    ("shutting down", "the database is shutting down"),
    ("too many", "the database has no connection to spare"),
)


def failure(source: MoodleSource, error: BaseException) -> SourceError:
    """A driver's failure in one sentence, without address, account or password, and whether it may pass."""
    text = str(error)
    for explanations, may_pass in ((_LASTING, False), (_PASSING, True)):
        for mark, meaning in explanations:
            if mark in text:
                return SourceError(f"Source {source.name} cannot be read: {meaning}.", may_pass=may_pass)
    first_line = source.redact(text.strip().splitlines()[0] if text.strip() else type(error).__name__)
    return SourceError(f"Source {source.name} cannot be read: {first_line[:200].rstrip('.')}.")
