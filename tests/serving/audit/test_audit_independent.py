"""The second opinion on quiz grades follows Moodle's rules on small, hand-computed cases."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from serving.audit.independent import latest, quiz_grades

HIGHEST, AVERAGE, FIRST, LAST = 1, 2, 3, 4

DONE, GONE, SENT, OPEN, LATE = "finished", "abandoned", "submitted", "inprogress", "overdue"

# name, method, quiz grade / sum of marks, attempts (number, preview, state, marks), expected grade
CASES = [
    ("highest takes the best", HIGHEST, (100, 10), [(1, 0, DONE, 4), (2, 0, DONE, 7)], 70),
    ("highest passes over missing marks", HIGHEST, (100, 10), [(1, 0, DONE, None), (2, 0, DONE, 3)], 30),
    ("average is over marked attempts", AVERAGE, (10, 10), [(1, 0, DONE, 4), (2, 0, DONE, None), (3, 0, DONE, 9)], 6.5),
    ("average of thirds", AVERAGE, (10, 3), [(1, 0, DONE, 1), (2, 0, DONE, 1), (3, 0, DONE, "1.00001")], 30.0001 / 9),
    ("first is first even with better later", FIRST, (100, 10), [(2, 0, DONE, 9), (1, 0, DONE, 2)], 20),
    ("a first attempt without marks gives no grade", FIRST, (100, 10), [(1, 0, GONE, None), (2, 0, DONE, 9)], None),
    ("last is last", LAST, (100, 10), [(2, 0, DONE, 9), (1, 0, DONE, 2)], 90),
    ("a last attempt without marks gives no grade", LAST, (100, 10), [(1, 0, DONE, 9), (2, 0, SENT, None)], None),
    ("an open attempt does not count", LAST, (100, 10), [(1, 0, DONE, 9), (2, 0, OPEN, None)], 90),
    ("an overdue attempt does not count", HIGHEST, (100, 10), [(1, 0, LATE, 9)], None),
    ("a preview does not count", HIGHEST, (100, 10), [(1, 1, DONE, 9), (2, 0, DONE, 1)], 10),
    ("grades are rescaled", HIGHEST, (20, 8), [(1, 0, DONE, 2)], 5),
    ("negative marks stay negative", HIGHEST, (100, 10), [(1, 0, DONE, -2)], -20),
    ("a quiz without marks gives zero", HIGHEST, (100, 0), [(1, 0, DONE, 0)], 0),
    ("no marks at all give no grade", AVERAGE, (100, 10), [(1, 0, DONE, None)], None),
    ("a worthless quiz gives zero", HIGHEST, (0, 10), [(1, 0, DONE, 9)], 0),
]  # fmt: skip


def decimals(values: list) -> pl.Series:
    return pl.Series([None if value is None else Decimal(value) for value in values], dtype=pl.Decimal(18, 5))


@pytest.mark.parametrize(
    ("method", "scale", "attempts", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_quiz_grade_is_moodles(method, scale, attempts, expected):
    quizzes = pl.DataFrame(
        {"id": [7], "grademethod": [method], "grade": decimals([scale[0]]), "sumgrades": decimals([scale[1]])}
    )
    number, preview, state, marks = map(list, zip(*attempts, strict=True))
    rows = pl.DataFrame({
        "id": range(len(attempts)), "quiz": 7, "userid": 3, "attempt": number, "preview": preview, "state": state,
        "sumgrades": decimals(marks),
    })  # fmt: skip
    grades = quiz_grades(rows.lazy(), quizzes.lazy()).collect()["grade"].to_list()
    assert grades == ([] if expected is None else [pytest.approx(expected, abs=1e-9)])


def test_the_latest_version_of_a_key_stands_and_deleted_ones_go(tmp_path):
    batches = [
        [(1, "upsert", 1, 10), (1, "upsert", 2, 20), (1, "upsert", 3, 30)],
        [(2, "upsert", 1, 11), (2, "delete", 2, None)],
        [(4, "upsert", 2, 22), (4, "delete", 3, None)],
    ]
    files = []
    for number, rows in enumerate(batches):
        path = tmp_path / f"{number}.parquet"
        schema = {"_batch_id": pl.Int64, "_op": pl.String, "id": pl.Int64, "value": pl.Int64}
        pl.DataFrame(rows, schema=schema, orient="row").with_columns(extra=pl.lit(number)).write_parquet(path)
        files.append(path)
    assert sorted(latest(files, ["id", "value"]).collect().rows()) == [(1, 11), (2, 22)]
    assert sorted(latest(files[:2], ["id", "value"]).collect().rows()) == [(1, 11), (3, 30)]
