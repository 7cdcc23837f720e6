"""Read the live release in a loop until a file appears, in the two ways that consumers do.

Arguments: published folder, file that ends the loop. Prints JSON: loops, releases seen, errors.
The marker mart says the number of the run that made it, so a mixed release would show.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import duckdb


def whole_release(folder: Path) -> set[Any]:
    """Every file of one release, whose link was resolved once, says which release it is."""
    manifest = json.loads((folder / "manifest.json").read_text())
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder}/rollbook.duckdb' as r (read_only)")
        queries = [
            "select run from r.marts.marker",
            "select release_id from r.monitoring.current_release",
            "select max(release_id) from r.monitoring.changes",
            f"select run from '{folder}/parquet/marker.parquet'",
            f"select max(release_id) from '{folder}/changes.parquet'",
            "select max(grade)::int from r.marts.fct_grades",
        ]
        return {manifest["release_id"], *(row[0] for query in queries for row in connection.execute(query).fetchall())}


def database_alone(published: Path) -> set[Any]:
    """A business-intelligence tool opens the database through the link."""
    with duckdb.connect(str(published / "current" / "rollbook.duckdb"), read_only=True) as connection:
        rows = connection.execute("select run, release_id from marts.marker, monitoring.current_release").fetchall()
        return set(rows[0])


def main() -> None:
    published, end = Path(sys.argv[1]), Path(sys.argv[2])
    loops, seen, errors, is_last = 0, set(), [], False
    while not is_last:
        # One more whole loop after the end, so that the last release is read too.
        is_last = end.exists()
        loops += 1
        try:
            for answer in (whole_release((published / "current").resolve()), database_alone(published)):
                if len(answer) != 1:
                    errors.append(f"mixed: {sorted(answer)}")
                seen |= answer
        except Exception:
            errors.append(traceback.format_exc())
        end.with_name("end.begun").touch()
    print(json.dumps({"loops": loops, "seen": sorted(seen), "errors": errors[:3]}))


if __name__ == "__main__":
    main()
