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
            raise SourceError(explain(source, error)) from None
        raise


_EXPLANATIONS = (
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
    ("Temporary failure in name resolution", "its host name is unknown"),
    ("refused", "nothing answers at its address"),
    ("timed out", "its address did not answer in time"),
    ("timeout expired", "its address did not answer in time"),
    ("terminating connection", "the database ended the connection"),
    ("Lost connection", "the database ended the connection"),
    ("closed the connection", "the database ended the connection"),
)


def explain(source: MoodleSource, error: BaseException) -> str:
    """One sentence on a driver's failure, without address, account or password."""
    text = str(error)
    for mark, meaning in _EXPLANATIONS:
        if mark in text:
            return f"Source {source.name} cannot be read: {meaning}."
    first_line = source.redact(text.strip().splitlines()[0] if text.strip() else type(error).__name__)
    return f"Source {source.name} cannot be read: {first_line[:200].rstrip('.')}."
