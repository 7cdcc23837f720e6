"""What every page has in common: one release, its heading, the filters, and sections of tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboards import drawing
from dashboards.formats import Format
from dashboards.published import (
    NothingPublishedError,
    Release,
    Status,
    UnreadableReleaseError,
    current_release,
    published_folder,
    read_status,
)
from dashboards.reading import Choice, Result, Scope, open_release
from dashboards.tile import Tile, TileError, load

# How far "now" may lag for a page from the cache: it only decides whether a source is late, by the day.
_STEP = timedelta(minutes=5)
_CACHED_PAGES = 64
_TIME = Format("time")


@dataclass(frozen=True)
class Row:
    """Tiles side by side, each as wide as its share; all the same without `widths`."""

    tiles: tuple[str, ...]
    widths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Section:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class View:
    """A page: its tiles are the files of tiles/<folder>, each shown once."""

    title: str
    folder: str
    sections: tuple[Section, ...]

    def tile_names(self) -> list[str]:
        return [name for section in self.sections for row in section.rows for name in row.tiles]


def clock() -> datetime:
    """The present, which decides whether a source is late."""
    return datetime.now(UTC)


def show(view: View) -> None:
    """Draw a page on the current release, resolved once; what cannot be shown is a sentence and no traceback."""
    drawing.draw_style()
    published = published_folder()
    try:
        release = current_release(published)
        try:
            _show(view, release, read_status(published))
        except UnreadableReleaseError:
            # A release that was let go while the page was being drawn is not broken: there is a newer one.
            if current_release(published) != release:
                st.rerun()
            raise
    except NothingPublishedError as error:
        drawing.draw_message(
            "Nothing is published yet",
            f"There is no release in {error}. This makes the first one from the sources in rollbook.toml; "
            "for a made-up institution to look around in, type make demo instead. Then load this page again.",
            "rollbook run",
        )
    except UnreadableReleaseError as error:
        drawing.draw_message(
            "The current release cannot be read",
            f"{error} This tells what is wrong with it; rollbook rollback publishes an earlier one again.",
            f"rollbook verify {error.release}",
        )
    except TileError as error:
        drawing.draw_message("This page is incomplete", str(error))


def _show(view: View, release: Release, status: Status) -> None:
    tiles = [load(view.folder, name) for name in view.tile_names()]
    courses, companies = _choices(release, repr(release))
    scope = _heading(view, release, courses, companies)
    now = clock()
    moment = now - (now - datetime.min.replace(tzinfo=UTC)) % _STEP
    results = _results(release, tiles, status, scope, moment, repr((release, tiles, status)))
    for section in view.sections:
        drawing.draw_section(section.title)
        for row in section.rows:
            columns = st.columns(list(row.widths) or len(row.tiles), gap="small")
            shown = [next(tile for tile in tiles if tile.name == name) for name in row.tiles]
            # Tables differ in length: stretched to one height, the short one would be mostly empty.
            is_even = all(tile.kind != "table" for tile in shown)
            for column, tile in zip(columns, shown, strict=True):
                with column, st.container(border=True, height="stretch" if is_even else "content", gap=None):
                    drawing.draw_tile(tile, results[tile.name], is_filtered=not scope.is_everything)


def _heading(view: View, release: Release, courses: list[Choice], companies: list[Choice]) -> Scope:
    """Title, release line and filters; returns what is chosen."""
    title, filters = st.columns([3, 2], vertical_alignment="bottom")
    oldest = min(release.as_of.values(), default=None)
    data = f", with data as of {_TIME.text(oldest)}" if oldest is not None else ""
    with title:
        drawing.draw_heading(
            view.title, f"Release {release.release_id}, published {_TIME.text(release.released_at)}{data}"
        )
    offered = [
        (label, everything, choices)
        for label, everything, choices in (
            ("Course", "All courses", courses if len(courses) > 1 else []),
            ("Company", "All companies", companies),
        )
        if choices
    ]
    chosen: dict[str, str | None] = {}
    if offered:
        # A single filter stays on the right, where two of them end.
        places = filters.columns(2)[-len(offered) :]
        for place, (label, everything, choices) in zip(places, offered, strict=True):
            chosen[label] = _choose(place, label, everything, choices)
    return Scope(course_key=chosen.get("Course"), company_key=chosen.get("Company"))


def _choose(place: st.delta_generator.DeltaGenerator, label: str, everything: str, choices: list[Choice]) -> str | None:
    """The chosen key; None is all of them, which the box knows as an empty key: None would get a button to clear it."""
    labels = {"": everything} | {choice.key: choice.label for choice in choices}
    return place.selectbox(label, list(labels), format_func=lambda key: labels.get(key, everything), key=label) or None


@st.cache_data(max_entries=_CACHED_PAGES, show_spinner=False)
def _choices(_release: Release, same: str) -> tuple[list[Choice], list[Choice]]:
    """What the filters offer; kept for each release, which `same` tells from others."""
    with open_release(_release, Status(), Scope(), clock()) as reading:
        return reading.courses(), reading.companies()


@st.cache_data(max_entries=_CACHED_PAGES, show_spinner=False)
def _results(
    _release: Release,
    _tiles: list[Tile],
    _status: Status,
    scope: Scope,
    moment: datetime,
    same: str,
) -> Mapping[str, Result]:
    """Every tile's rows, from one connection; kept for each release, choice of filters and state of the sources.

    `same` tells release, tiles and status from others: what begins with an underscore is not part of the cache's key.
    """
    with open_release(_release, _status, scope, moment) as reading:
        return {tile.name: reading.run(tile) for tile in _tiles}
