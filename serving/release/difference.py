"""What changed in each mart between the live release and a candidate; all of it set-based inside DuckDB."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from serving.errors import ServingError

STAMPS = ("changed_release", "changed_at")
RELATIVE_TOLERANCE = 1e-9
# Sums that cancel leave noise near zero, where no relative distance is small.
NOISE_FLOOR = 1e-12
# Types whose equal values have equal hashes, and whose other values are content that changed.
_EXACT = {
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "VARCHAR", "BLOB", "UUID", "DATE", "TIME",
    "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
_DBT_LEFTOVER = "__dbt_"


def quote(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Table:
    """A table or view in an attached database; `columns` maps name to type in order, without the release's stamps."""

    catalog: str
    schema: str
    name: str
    columns: Mapping[str, str]
    key: str = ""

    @property
    def sql(self) -> str:
        return f"{quote(self.catalog)}.{quote(self.schema)}.{quote(self.name)}"

    @property
    def column_list(self) -> str:
        return ", ".join(quote(column) for column in self.columns)

    @property
    def key_text(self) -> str:
        """The key as it appears in `changes`: as text, whatever its type."""
        return f"cast({quote(self.key)} as varchar)"


@dataclass
class MartDifference:
    """One mart now and before; `now` is None when it was dropped, `before` when it is new."""

    name: str
    now: Table | None
    before: Table | None
    counts: dict[str, int] = field(default_factory=lambda: {"insert": 0, "update": 0, "delete": 0})

    @property
    def is_comparable(self) -> bool:
        """Same key and same columns with the same types: rows can be compared value by value."""
        return (
            self.now is not None
            and self.before is not None
            and self.now.key == self.before.key
            and dict(self.now.columns) == dict(self.before.columns)
        )

    @property
    def is_same_layout(self) -> bool:
        """Comparable, and the columns stand in the same order."""
        return (
            self.is_comparable
            and self.now is not None
            and self.before is not None
            and list(self.now.columns) == list(self.before.columns)
        )

    @property
    def has_changed_rows(self) -> bool:
        return any(self.counts.values())

    @property
    def is_unchanged(self) -> bool:
        return self.is_same_layout and not self.has_changed_rows


def tables_of(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str) -> dict[str, Table]:
    """The tables and views of one schema by name, without the columns that a release adds."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        """select table_name, column_name, data_type from duckdb_columns()
        where database_name = ? and schema_name = ? order by table_name, column_index""",
        [catalog, schema],
    ).fetchall():
        columns = found.setdefault(table, {})
        if column not in STAMPS:
            columns[column] = kind
    return {name: Table(catalog, schema, name, columns) for name, columns in found.items() if _DBT_LEFTOVER not in name}


def with_keys(tables: Mapping[str, Table], primary_keys: Mapping[str, str]) -> dict[str, Table]:
    """The tables with their primary keys. Raises ServingError for a mart without one."""
    keyed = {}
    for name, table in tables.items():
        key = primary_keys.get(name)
        if key is None:
            raise ServingError(f"Mart {name} has no primary key: give its model `meta: primary_key`.")
        if key not in table.columns:
            raise ServingError(f"Mart {name} has no column {key}, which its model names as primary key.")
        keyed[name] = Table(table.catalog, table.schema, name, table.columns, key)
    return keyed


def compare(
    connection: duckdb.DuckDBPyConnection,
    now: Mapping[str, Table],
    before: Mapping[str, Table],
    *,
    by_hash: bool = False,
) -> list[MartDifference]:
    """Fill the temporary table `differences` (mart, key, op) and return one summary per mart, by name.

    Rows pair by the text of their key. Values are equal when they are the same, both NULL, or doubles within 1e-9
    relative. Where the columns differ, every surviving row counts as updated.
    With `by_hash`, rows whose 64-bit hashes over all columns are equal count as equal unseen, three times as fast; the
    chance that this hides a change is one in 18 million million million for each, until a comparison without it.
    Raises ServingError when a key of the candidate is NULL or doubled.
    """
    connection.execute("create or replace temp table differences (mart varchar, key varchar, op varchar)")
    differences = [MartDifference(name, now.get(name), before.get(name)) for name in sorted({*now, *before})]
    for difference in differences:
        if difference.now is not None:
            _refuse_bad_keys(connection, difference.now)
        query = _difference_sql(difference)
        if by_hash and difference.is_comparable:
            _suspect(connection, difference)
            query = _suspected_sql(difference)
        connection.execute(f"insert into differences {query}")
    by_name = {difference.name: difference for difference in differences}
    for mart, op, count in connection.execute(
        "select mart, op, count(*) from differences group by mart, op"
    ).fetchall():
        by_name[mart].counts[op] = count
    return differences


def _suspect(connection: duckdb.DuckDBPyConnection, difference: MartDifference) -> None:
    """Fill the temporary table `suspects` (key, op) with a mart's rows that are new, gone or of another hash."""
    now, before = difference.now, difference.before
    assert now is not None
    assert before is not None
    hashed = f"hash({now.column_list})"
    connection.execute(
        f"""create or replace temp table suspects as
        select coalesce(n.k, b.k) as key,
               case when b.k is null then 'insert' when n.k is null then 'delete' else 'update' end as op
        from (select {now.key_text} as k, {hashed} as h from {now.sql}) n
        full join (select {before.key_text} as k, {hashed} as h from {before.sql}) b on n.k = b.k
        where n.h is distinct from b.h"""
    )


def _suspected_sql(difference: MartDifference) -> str:
    """The suspects that differ. Values of another hash are other values, but for numbers that may differ a little."""
    assert difference.now is not None
    if all(_has_exact_values(kind) for kind in difference.now.columns.values()):
        return f"select {literal(difference.name)}, key, op from suspects"
    return _difference_sql(difference, among="select key from suspects")


def _has_exact_values(kind: str) -> bool:
    return kind.startswith("DECIMAL(") or kind in _EXACT


def differs_anywhere(
    connection: duckdb.DuckDBPyConnection, now: Mapping[str, Table], before: Mapping[str, Table]
) -> bool:
    """Whether two sets of tables without keys differ in tables, columns or rows; values compare exactly."""
    if {name: list(table.columns.items()) for name, table in now.items()} != {
        name: list(table.columns.items()) for name, table in before.items()
    }:
        return True
    for name, table in now.items():
        a, b = f"select {table.column_list} from {table.sql}", f"select {table.column_list} from {before[name].sql}"
        if connection.execute(f"from (({a} except all {b}) union all ({b} except all {a})) limit 1").fetchone():
            return True
    return False


def same_value(left: str, right: str, kind: str) -> str:
    """An SQL condition, never NULL: both values count as the same content."""
    exact = f"{left} is not distinct from {right}"
    if kind not in ("DOUBLE", "FLOAT"):
        return exact
    near = (
        f"isfinite({left}) and isfinite({right}) and abs({left}::double - {right}::double) <= "
        f"greatest({RELATIVE_TOLERANCE} * greatest(abs({left}::double), abs({right}::double)), {NOISE_FLOOR})"
    )
    return f"({exact} or coalesce({near}, false))"


def _refuse_bad_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    row = connection.execute(
        f"""select coalesce(sum(rows) filter (key is null), 0), count(*) filter (key is not null)
        from (select {table.key_text} as key, count(*) as rows from {table.sql} group by all
              having count(*) > 1 or key is null)"""
    ).fetchone()
    nulls, doubled = row if row is not None else (0, 0)
    if nulls:
        raise ServingError(f"Mart {table.name} has {nulls} rows without {table.key}: a release needs every key.")
    if doubled:
        raise ServingError(
            f"Mart {table.name} has {doubled} values of {table.key} on several rows: keys must be unique."
        )


def _difference_sql(difference: MartDifference, among: str | None = None) -> str:
    now, before, mart = difference.now, difference.before, literal(difference.name)
    if now is None or before is None:
        only, op = (now, "insert") if now is not None else (before, "delete")
        assert only is not None
        return f"select {mart}, {only.key_text}, '{op}' from {only.sql}"
    # Prefixed names: a mart may have a column of any name.
    names = {column: f'"c{position}"' for position, column in enumerate(now.columns)}
    if difference.is_comparable:
        values = "".join(f", {quote(column)} as {name}" for column, name in names.items())
        tests = [same_value(f"n.{names[column]}", f"b.{names[column]}", kind) for column, kind in now.columns.items()]
        changed = "not (" + " and ".join(tests) + ")"
    else:
        values, changed = "", "true"
    chosen = f"where {{}} in ({among})" if among else ""
    return f"""
        select {mart}, coalesce(n.k, b.k),
               case when b.k is null then 'insert' when n.k is null then 'delete' else 'update' end
        from (select {now.key_text} as k{values} from {now.sql} {chosen.format(now.key_text)}) n
        full join (select {before.key_text} as k{values} from {before.sql} {chosen.format(before.key_text)}) b
        on n.k = b.k
        where b.k is null or n.k is null or {changed}"""
