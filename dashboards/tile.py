"""A tile: one `.sql` file whose leading comment says what it shows and how.

    -- title: Attempts by state
    -- definition: What is counted, in a sentence
    --   that may go on in the next line.
    -- caveat: What a reader must not conclude from it.
    -- empty: What to read where there is nothing to show.
    -- kind: metric, table, bar or line
    -- empty is: good        (optional: that there is nothing is good news)
    -- column state: State | text
    -- column attempts: Attempts | count attempt/attempts
    select ...

One `column` line for each column of the result, in its order: name, label, format (see `formats.parse_format`).
A metric has `value`, and may have `note` and `tone`. Bars have a text and a number, a line a date or time and a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dashboards.formats import Format, FormatError, parse_format

TileKind = Literal["metric", "table", "bar", "line"]
FOLDER = Path(__file__).parent / "tiles"
_KINDS: dict[str, TileKind] = {"metric": "metric", "table": "table", "bar": "bar", "line": "line"}
_TEXTS = ("title", "definition", "caveat", "empty")
_KEYS = (*_TEXTS, "kind", "empty is")
_ENTRY = re.compile(r"-- (?P<key>[a-z][a-z ]*?)(?: (?P<name>[a-z][a-z0-9_]*))?: *(?P<value>.*)")


class TileError(ValueError):
    """A tile's file is not as it should be; the message names the file and says what to change."""


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    format: Format


@dataclass(frozen=True)
class Tile:
    """`follows_filters`: it shows the chosen course and company only."""

    name: str
    title: str
    definition: str
    caveat: str
    empty: str
    kind: TileKind
    columns: tuple[Column, ...]
    sql: str
    is_good_when_empty: bool = False

    @property
    def follows_filters(self) -> bool:
        return "in_scope(" in self.sql

    def place(self, name: str) -> int | None:
        """Where a column stands in a row."""
        return next((place for place, column in enumerate(self.columns) if column.name == name), None)


def load(page: str, name: str) -> Tile:
    """The tile in tiles/<page>/<name>.sql. Raises TileError."""
    path = FOLDER / page / f"{name}.sql"
    try:
        return parse(path.read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        raise TileError(f"There is no tile {path.name} for the page {page}.") from None


def parse(text: str, name: str) -> Tile:
    """Read a tile's header and query. Raises TileError."""
    lines = text.splitlines()
    length = next((place for place, line in enumerate(lines) if not line.startswith("--")), len(lines))
    texts, columns = _entries(lines[:length], name)
    for key in (*_TEXTS, "kind"):
        if not texts.get(key):
            raise TileError(f"{name}: the header lacks '{key}'.")
    kind = _KINDS.get(texts["kind"])
    if kind is None:
        raise TileError(f"{name}: the kind '{texts['kind']}' is none of {', '.join(_KINDS)}.")
    if texts.get("empty is", "good") != "good":
        raise TileError(f"{name}: 'empty is' can only be good.")
    _hold_to_kind(name, kind, columns)
    sql = "\n".join(lines[length:]).strip().rstrip(";")
    if not sql:
        raise TileError(f"{name}: there is no query below the header.")
    return Tile(
        name=name,
        title=texts["title"],
        definition=texts["definition"],
        caveat=texts["caveat"],
        empty=texts["empty"],
        kind=kind,
        columns=tuple(columns),
        sql=sql,
        is_good_when_empty="empty is" in texts,
    )


def _entries(lines: list[str], name: str) -> tuple[dict[str, str], list[Column]]:
    """The header's texts by key, and its columns."""
    entries: list[list[str]] = []
    for line in lines:
        if line.startswith("--   ") and entries:
            entries[-1][2] += f" {line[2:].strip()}"
            continue
        found = _ENTRY.fullmatch(line)
        if found is None:
            raise TileError(f"{name}: the header line '{line}' is not of the form '-- key: value'.")
        key, column = found["key"], found["name"] or ""
        if f"{key} {column}" in _KEYS:
            key, column = f"{key} {column}", ""
        entries.append([key, column, found["value"].strip()])

    texts: dict[str, str] = {}
    columns: list[Column] = []
    for key, column, value in entries:
        if key == "column" and column:
            if any(known.name == column for known in columns):
                raise TileError(f"{name}: column {column} is there twice.")
            columns.append(_column(name, column, value))
        elif key not in _KEYS or column:
            raise TileError(f"{name}: '{f'{key} {column}'.strip()}' is no key of a header.")
        elif key in texts:
            raise TileError(f"{name}: '{key}' is there twice.")
        else:
            texts[key] = value
    return texts, columns


def _column(tile: str, name: str, value: str) -> Column:
    label, bar, form = (part.strip() for part in value.partition("|"))
    if not bar or not label:
        raise TileError(f"{tile}: column {name} is not of the form 'label | format'.")
    try:
        return Column(name, label, parse_format(form))
    except FormatError as error:
        raise TileError(f"{tile}: column {name}: {error}.") from None


def _hold_to_kind(name: str, kind: TileKind, columns: list[Column]) -> None:
    """A metric, bars and a line need certain columns; a table needs any."""
    formats = [column.format for column in columns]
    names = [column.name for column in columns]
    match kind:
        case "metric":
            good = names[:1] == ["value"] and set(names[1:]) <= {"note", "tone"} and formats[0].kind != "tone"
            needs = "a column 'value', then at most 'note' and 'tone'"
        case "bar":
            good = len(columns) == 2 and formats[0].kind == "text" and formats[1].is_number
            needs = "a text column and a number column"
        case "line":
            good = len(columns) == 2 and formats[0].kind in ("date", "time") and formats[1].is_number
            needs = "a date or time column and a number column"
        case "table":
            good = bool(columns)
            needs = "at least one column"
    if not good:
        raise TileError(f"{name}: a {kind} has {needs}.")
