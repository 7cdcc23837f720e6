"""The SELECTs that read a Moodle database: allow-listed columns only, values in shapes that no driver bends.

Decimals travel as text (drivers cut or round them), integers as 64 bit. Identifiers are quoted in each dialect's way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ingestion.contracts import Column, Table

_CASTS: Mapping[str, Mapping[str, str]] = {
    "postgresql": {"int": "cast({} as bigint)", "text": "cast({} as text)", "float": "cast({} as double precision)"},
    "mysql": {"int": "cast({} as signed)", "text": "cast({} as char)", "float": "{}"},
    # SQLite's columns hold what they are given; text keeps it for the contract to judge.
    "sqlite": {"int": "cast({} as text)", "text": "cast({} as text)", "float": "cast({} as text)"},
}
# What the queries call the table that they are about.
ALIAS = "t"
# How many keys in a row share the sums by which keys are compared.
BUCKET = 65_536
_NAMED_KEYS = 1_000
_CAST_OF = {"int": "int", "time": "int", "user": "int", "actor": "int", "float": "float"}


@dataclass(frozen=True)
class Touched:
    """Which question usages an incremental sync reads whole: those whose quiz attempt or any of whose question
    attempts has a time of modification at or after the given seconds (DOMAIN 10, rule 13: either alone misses some).
    """

    attempts_since: int
    question_attempts_since: int


@dataclass(frozen=True)
class KeyRange:
    """Integer keys from just above one up to another; None is no bound."""

    above: int | None = None
    up_to: int | None = None

    def condition(self, key: str) -> str | None:
        """The range as SQL, None when it holds every key."""
        bounds = [f"{key} > {self.above}"] if self.above is not None else []
        bounds += [f"{key} <= {self.up_to}"] if self.up_to is not None else []
        return " and ".join(bounds) or None


EVERY_KEY = KeyRange()


@dataclass(frozen=True)
class Queries:
    """Builds the queries of one site. `columns` is what the database has: table -> column names."""

    dialect: str
    prefix: str
    columns: Mapping[str, Collection[str]]
    modules: Sequence[str] = ()

    def table(self, name: str) -> str:
        return self.quote(self.prefix + name)

    def quote(self, name: str) -> str:
        mark = "`" if self.dialect == "mysql" else '"'
        return mark + name.replace(mark, mark * 2) + mark

    def has(self, name: str) -> bool:
        return self.prefix + name in self.columns

    def read(self, table: Table, where: str | None = None, touched: Touched | None = None) -> str:
        """All rows of a table, those of a condition, or those of the touched usages."""
        if table.reader == "activity_instances":
            return self.activity_instances()
        conditions = [f"({condition})" for condition in (self._only(table), where) if condition]
        source = f"{self.table(table.name)} as {ALIAS}"
        selected = [self._selected(c) for c in self._present(table)]
        if table.reader == "question_attempt_steps":
            source += f" join {self.table('question_attempts')} as a on a.id = t.questionattemptid"
            selected.append(self._cast("a.questionusageid", "int") + " as questionusageid")
        if touched is not None:
            touched_usages = self.touched_usages(touched)
            source += f" join ({touched_usages}) as touched on touched.usage_id = {self._usage(table)}"
        condition = " where " + " and ".join(conditions) if conditions else ""
        return f"select {', '.join(selected)} from {source}{condition}"

    def _usage(self, table: Table) -> str:
        """The column that names a row's usage."""
        if table.reader == "question_attempt_steps":
            return "a.questionusageid"
        return f"{ALIAS}.{self.quote(table.parent or '')}"

    def since(self, table: Table, since: int) -> str:
        """The rows of a table with a watermark that were written at or after the given seconds."""
        return self.read(table, f"{ALIAS}.{self.quote(table.watermark or '')} >= {since}")

    def touched_usages(self, touched: Touched) -> str:
        """The ids of the touched usages, each once, as usage_id."""
        return (
            f"select uniqueid as usage_id from {self.table('quiz_attempts')}"
            f" where timemodified >= {touched.attempts_since}"
            f" union select questionusageid as usage_id from {self.table('question_attempts')}"
            f" where timemodified >= {touched.question_attempts_since}"
        )

    def usage_ids(self, touched: Touched) -> str:
        return f"select {self._cast('usage_id', 'int')} as usage_id from ({self.touched_usages(touched)}) as u"

    def of_parents(self, table: Table, parents: pl.Series) -> Iterator[str]:
        """The rows of some usages, in queries of bounded length."""
        usage = self._usage(table)
        yield from (self.read(table, condition) for condition in _any_of(usage, parents))

    def of_keys(self, table: Table, keys: pl.Series) -> Iterator[str]:
        """The rows of some keys of a table with one integer key, in queries of bounded length."""
        key = f"{ALIAS}.{self.quote(table.primary_key[0])}"
        yield from (self.read(table, condition) for condition in _any_of(key, keys))

    def of_range(self, table: Table, keys: KeyRange) -> str:
        """The rows of a range of keys; of a table without an integer key, all of them."""
        if not table.has_integer_key:
            return self.read(table)
        return self.read(table, keys.condition(f"{ALIAS}.{self.quote(table.primary_key[0])}"))

    def of_courses(self, table: Table, courses: pl.Series) -> Iterator[str]:
        """The rows of a table whose grade items belong to some courses, in queries of bounded length."""
        for condition in _any_of("courseid", courses):
            items = f"select id from {self.table('grade_items')} where {condition}"
            yield self.read(table, f"{ALIAS}.itemid in ({items})")

    def graded_courses(self, grades_above: int, items_above: int) -> str:
        """The courses that the history of grades or grade items names above these ids, as `course`."""
        course = self._cast("courseid", "int")
        return (
            f"select {course} as course from {self.table('grade_items')} where id in"
            f" (select itemid from {self.table('grade_grades_history')} where id > {grades_above})"
            f" union select {course} as course from {self.table('grade_items_history')} where id > {items_above}"
        )

    def setting(self, name: str) -> str:
        """The value of one of Moodle's site settings; no row where it is not set."""
        return f"select {self._cast('value', 'text')} as value from {self.table('config')} where name = '{name}'"

    def bound(self, table: Table, above: int | None, rows: int) -> str:
        """How many keys there are above one, counted no further than `rows`; and the last of them."""
        key = self.quote(table.primary_key[0])
        condition = KeyRange(above).condition(key)
        where = f" where {condition}" if condition else ""
        some = f"select {key} as k from {self.table(table.name)}{where} order by {key} limit {rows}"
        counted, last = self._cast("count(*)", "int"), self._cast("max(k)", "int")
        return f"select {counted} as key_count, {last} as last_key from ({some}) as s"

    def highest(self, table: Table, column: str) -> str:
        name = self.quote(column)
        return f"select {self._cast(f'max({name})', 'int')} as highest from {self.table(table.name)}"

    def keys(self, table: Table, ranges: Sequence[tuple[int, int]]) -> str:
        """The keys within half-open ranges of a table with one integer key."""
        key = self.quote(table.primary_key[0])
        only = f"({self._only(table)}) and " if table.only else ""
        return (
            f"select {self._cast(key, 'int')} as {key} from {self.table(table.name)} where {only}{within(key, ranges)}"
        )

    def key_buckets(self, table: Table) -> str:
        """For every BUCKET keys in a row, as `bucket`: the sums of `key_sums`."""
        key = self.quote(table.primary_key[0])
        sums = ", ".join(f"{self._cast(sql, 'int')} as {name}" for name, sql in key_sums(key).items())
        number = f"{key} {'div' if self.dialect == 'mysql' else '/'} {BUCKET}"
        only = f" where {self._only(table)}" if table.only else ""
        return (
            f"select {self._cast(number, 'int')} as bucket, {sums} from {self.table(table.name)}{only} group by bucket"
        )

    def _only(self, table: Table) -> str | None:
        """The condition on a table's rows; other tables that it names have the site's prefix."""
        return table.only and table.only.replace("{prefix}", self.prefix)

    def _present(self, table: Table) -> Sequence[Column]:
        present = self.columns[self.prefix + table.name]
        return [c for c in table.columns if c.name in present]

    def _selected(self, column: Column) -> str:
        name = self.quote(column.name)
        return f"{self._cast(f'{ALIAS}.{name}', _CAST_OF.get(column.type, 'text'))} as {name}"

    def _cast(self, expression: str, type_: str) -> str:
        return _CASTS[self.dialect][type_].format(expression)

    def activity_tables(self, module_names: Collection[str]) -> list[str]:
        """Those modules whose own table has what an activity needs: id, course and name."""
        return sorted(
            name for name in module_names if {"id", "course", "name"} <= set(self.columns.get(self.prefix + name, ()))
        )

    def module_names(self) -> str:
        return f"select {self._cast('name', 'text')} as name from {self.table('modules')}"

    def activity_instances(self) -> str:
        """One row an activity of every module type in `modules`: module, id, course, name."""
        parts = []
        for module in self.modules:
            literal = "'" + module.replace("'", "''") + "'"
            parts.append(
                f"select {self._cast(literal, 'text')} as module, {self._cast('id', 'int')} as id,"
                f" {self._cast('course', 'int')} as course, {self._cast('name', 'text')} as name"
                f" from {self.table(module)}"
            )
        return " union all ".join(parts)


def key_sums(key: str) -> dict[str, str]:
    """What is told of the keys of a bucket, by name, in SQL that all databases and DuckDB read alike.

    No sum passes 2^63 for keys up to 10^14: the places within the bucket are squared, and cubed modulo a prime.
    """
    place = f"({key} % {BUCKET})"
    return {
        "key_count": "count(*)",
        "key_sum": f"sum({key})",
        "square_sum": f"sum({place} * {place})",
        "cube_sum": f"sum((({place} * {place}) % 65521) * {place})",
    }


def within(key: str, ranges: Sequence[tuple[int, int]]) -> str:
    """The condition that a key lies in one of some half-open ranges."""
    return "(" + " or ".join(f"({key} >= {low} and {key} < {high})" for low, high in ranges) + ")"


def _any_of(key: str, values: pl.Series) -> Iterator[str]:
    for start in range(0, len(values), _NAMED_KEYS):
        yield f"{key} in ({', '.join(map(str, values[start : start + _NAMED_KEYS]))})"
