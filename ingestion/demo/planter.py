"""What every planted fault is made with: a victim nobody else has, an edit, and an entry in the list."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.errors import RollbookError

Keys = dict[str, int]


@dataclass
class Planter:
    """Edits the database and keeps the list. No person is hit twice."""

    connection: sqlite3.Connection
    dice: random.Random
    found: list[dict[str, object]] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)

    def choose(self, what: str, sql: str) -> Keys:
        """One row of a query as its named ids, of a person not hit before; what is no id is left out."""
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        rows = [
            row for row in (dict(zip(names, values, strict=True)) for values in cursor) if row["user"] not in self.taken
        ]
        if not rows:
            raise RollbookError(f"the demo is too small to plant a fault in {what}: ask for more students or attempts")
        chosen = self.dice.choice(rows)
        self.taken.add(chosen["user"])
        return {name: value for name, value in chosen.items() if value is not None and name not in ("total", "best")}

    def value(self, table: str, column: str, row_id: int) -> Decimal:
        """A stored number, exactly."""
        sql = f"SELECT CAST({column} AS TEXT) FROM mdl_{table} WHERE id = ?"
        return Decimal(self.connection.execute(sql, (row_id,)).fetchone()[0])

    def change(self, table: str, column: str, row_id: int, value: Decimal | str) -> dict[str, object]:
        """Overwrite one number or word, and say so for the list."""
        sql = f"SELECT CAST({column} AS TEXT) FROM mdl_{table} WHERE id = ?"
        (before,) = self.connection.execute(sql, (row_id,)).fetchone()
        text = format(value, "f") if isinstance(value, Decimal) else value
        self.connection.execute(f"UPDATE mdl_{table} SET {column} = ? WHERE id = ?", (text, row_id))
        return {"table": table, "column": column, "id": row_id, "before": before, "after": str(value)}

    def remove(self, table: str, row_id: int) -> dict[str, object]:
        """Delete one row, and say so for the list."""
        self.connection.execute(f"DELETE FROM mdl_{table} WHERE id = ?", (row_id,))
        return {"table": table, "id": row_id, "deleted": True}

    def copy(self, table: str, row_id: int, **changed: object) -> dict[str, object]:
        """Insert a row once more, other in some columns, and say so for the list."""
        cursor = self.connection.execute(f"SELECT * FROM mdl_{table} WHERE id = ?", (row_id,))
        names = [column[0] for column in cursor.description]
        row = dict(zip(names, cursor.fetchone(), strict=True)) | changed
        del row["id"]
        made = self.connection.execute(
            f"INSERT INTO mdl_{table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        )
        return {"table": table, "id": made.lastrowid or 0, "inserted": True}

    def list(self, fault: str, rule: str, title: str, keys: Keys, changes: list[dict[str, object]]) -> None:
        """Add one fault that must give exactly one finding of its rule."""
        self.found.append(
            {
                "id": fault,
                "rule": rule,
                "title": title,
                "source": "moodle",
                "keys": keys,
                "changes": changes,
                "expect": {"anomaly_rule": rule, "count": 1},
            }
        )
