"""Draw a tile: HTML for numbers, tables and bars, so that they read well, wrap and print; Vega for lines."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import altair as alt
import streamlit as st

from dashboards.formats import NONE, TONES, Format, is_none
from dashboards.reading import Result
from dashboards.tile import Column, Tile

_STYLE = Path(__file__).with_name("rollbook.css")
_LINE_HEIGHT = 240


def draw_style() -> None:
    """The page's style sheet, once a page."""
    st.html(_STYLE)


def draw_message(title: str, text: str, command: str = "") -> None:
    """A page that has nothing to show says why, and what to type."""
    typed = f"<pre>{escape(command)}</pre>" if command else ""
    st.html(f'<div class="rb-message"><h1>{escape(title)}</h1><p>{escape(text)}</p>{typed}</div>')


def draw_heading(title: str, text: str) -> None:
    """A page's title and the line below it."""
    st.html(f'<div class="rb-heading"><h1>{escape(title)}</h1><p>{escape(text)}</p></div>')


def draw_section(title: str) -> None:
    st.html(f'<h2 class="rb-section">{escape(title)}</h2>')


def draw_tile(tile: Tile, result: Result, *, is_filtered: bool) -> None:
    """A tile with its title, its rows or its empty state, and how it is counted.

    `is_filtered` says that filters are set: a tile that does not follow them says so.
    """
    stays = is_filtered and not tile.follows_filters
    mark = ' <span class="rb-mark">not filtered</span>' if stays else ""
    title = f"<h3>{escape(tile.title)}{mark}</h3>"
    about = (
        f"<details><summary>How to read this</summary><p>{escape(tile.definition)}</p>"
        f"<p>{escape(tile.caveat)}</p></details>"
    )
    if result.error is not None:
        st.html(_tile(tile, f'{title}<p class="rb-error">This tile cannot be shown. {escape(result.error)}</p>{about}'))
    elif _is_empty(tile, result):
        st.html(_tile(tile, title + _empty(tile) + about))
    elif tile.kind == "line":
        st.html(_tile(tile, title))
        st.altair_chart(_line(tile, result), width="stretch", height=_LINE_HEIGHT, alt=_spoken(tile, result))
        st.html(_tile(tile, about))
    else:
        body = {"metric": _metric, "table": _table, "bar": _bars}[tile.kind](tile, result.rows)
        st.html(_tile(tile, title + body + about))


def _tile(tile: Tile, body: str) -> str:
    return f'<section class="rb-tile rb-kind-{tile.kind}">{body}</section>'


def _is_empty(tile: Tile, result: Result) -> bool:
    return not result.rows or (tile.kind == "metric" and is_none(result.rows[0][0]))


def _empty(tile: Tile) -> str:
    tone = "good" if tile.is_good_when_empty else "neutral"
    value = f'<p class="rb-value"><span class="rb-none">{NONE}</span></p>' if tile.kind == "metric" else ""
    return f'{value}<p class="rb-note rb-{tone}">{escape(tile.empty)}</p>'


def _metric(tile: Tile, rows: Sequence[tuple[Any, ...]]) -> str:
    form, value = tile.columns[0].format, rows[0][0]
    note, tone = _part(tile, rows[0], "note"), _part(tile, rows[0], "tone")
    unit = f' <span class="rb-unit">{escape(form.unit_of(value))}</span>' if form.unit else ""
    said = f'<p class="rb-note rb-{_tone(tone)}">{escape(str(note))}</p>' if not is_none(note) else ""
    return f'<p class="rb-value">{_number(form, value)}{unit}</p>{said}'


def _part(tile: Tile, row: tuple[Any, ...], name: str) -> Any:
    place = tile.place(name)
    return None if place is None else row[place]


def _tone(value: Any) -> str:
    return value if value in TONES else "neutral"


def _table(tile: Tile, rows: Sequence[tuple[Any, ...]]) -> str:
    shown = [place for place, column in enumerate(tile.columns) if column.format.kind != "tone"]
    heads = "".join(_head(tile.columns[place]) for place in shown)
    body, is_toned = "", False
    for row in rows:
        cells = "".join(
            f'<td class="{_class(tile.columns[place].format)}">{_cell(tile.columns[place].format, row[place])}</td>'
            for place in shown
        )
        tone = _tone(_part(tile, row, "tone"))
        body += f'<tr class="rb-row-{tone}">{cells}</tr>'
        is_toned = is_toned or tone != "neutral"
    marked = ' class="rb-toned"' if is_toned else ""
    return f'<div class="rb-scroll"><table{marked}><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _class(form: Format) -> str:
    """How a column stands: numbers to the right, times in one line."""
    if form.is_number:
        return "rb-number rb-share" if form.has_bar else "rb-number"
    return "rb-moment" if form.kind in ("date", "time") else "rb-text"


def _head(column: Column) -> str:
    """A column's label with its unit, unless the label says it already."""
    form = column.format
    is_said = not form.unit or form.unit.lower() == column.label.lower()
    unit = "" if is_said else f' <span class="rb-unit">{escape(form.unit)}</span>'
    return f'<th scope="col" class="{_class(form)}">{escape(column.label)}{unit}</th>'


def _cell(form: Format, value: Any) -> str:
    if form.has_bar and not is_none(value):
        return f"{_number(form, value)}{_track(float(value))}"
    return _number(form, value)


def _number(form: Format, value: Any) -> str:
    text = escape(form.number(value))
    return f'<span class="rb-none">{text}</span>' if is_none(value) else text


def _bars(tile: Tile, rows: Sequence[tuple[Any, ...]]) -> str:
    form = tile.columns[1].format
    top = max((float(value) for _, value in rows if not is_none(value)), default=0.0)
    lines = "".join(
        f'<div class="rb-bar"><span>{_number(tile.columns[0].format, label)}</span>'
        f"<span>{_number(form, value)}</span>"
        f"{_track(0.0 if is_none(value) or top <= 0 else 100 * float(value) / top)}</div>"
        for label, value in rows
    )
    unit = f'<p class="rb-unit">{escape(form.unit)}</p>' if form.unit else ""
    return f"{unit}{lines}"


def _track(percent: float) -> str:
    return f'<div class="rb-track"><div style="width:{min(max(percent, 0), 100):.1f}%"></div></div>'


def _line(tile: Tile, result: Result) -> alt.LayerChart | alt.FacetChart:
    x, y = tile.columns
    values = [
        {"x": moment.isoformat(), "y": None if is_none(value) else float(value), "on": x.format.text(moment),
         "shown": y.format.text(value)}
        for moment, value in result.rows
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=values)).encode(
        # In UTC, or a browser west of Greenwich would show the day before.
        x=alt.X(
            "x:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=alt.Axis(format="%-d %b", grid=False, labelOverlap=True, tickCount=10),
        ),
        y=alt.Y("y:Q", title=y.format.unit or y.label, axis=alt.Axis(tickCount=4)),
        tooltip=[alt.Tooltip("on:N", title=x.label), alt.Tooltip("shown:N", title=y.label)],
    )
    colour = "#2f5d8a"
    return alt.layer(
        base.mark_area(color=colour, opacity=0.1),
        base.mark_line(color=colour, strokeWidth=2),
        base.mark_circle(color=colour, size=28, opacity=1),
    )


def _spoken(tile: Tile, result: Result) -> str:
    """The chart for those who cannot see it: its ends and its top."""
    x, y = tile.columns
    known = [row for row in result.rows if not is_none(row[1])]
    if not known:
        return f"{tile.title}: {NONE}."
    top = max(known, key=lambda row: row[1])
    return (
        f"{tile.title}, from {x.format.text(known[0][0])} to {x.format.text(known[-1][0])}; "
        f"at most {y.format.text(top[1])}, on {x.format.text(top[0])}."
    )
