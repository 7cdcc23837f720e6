"""Evidence as Dagster shows it: sample rows as Markdown tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

SAMPLE_ROWS = 20
_LONGEST_CELL = 120


def table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """At most 20 rows; the columns are those of all of them."""
    shown = rows[:SAMPLE_ROWS]
    columns = list(dict.fromkeys(name for row in shown for name in row))
    if not columns:
        return dg.MetadataValue.md("none")
    lines = [columns, ["---"] * len(columns), *([_cell(row.get(name)) for name in columns] for row in shown)]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more = len(rows) - len(shown)
    return dg.MetadataValue.md(f"{text}\n\n… and {more} more" if more > 0 else text)


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
