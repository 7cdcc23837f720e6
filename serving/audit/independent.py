"""The second opinion: every quiz grade worked out again from landing's files, in Polars.

It shares nothing with the build or the sync but the files: neither code, nor tables, nor the order of their steps. The
rules are Moodle's own (mod_quiz grade_calculator): attempts that are finished, abandoned or submitted and no previews;
highest and average over the marked ones; first and last by attempt number even where the mark is missing, and then
there is no grade; rescaled from the quiz's sum of marks to its grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from serving.audit.batches import BatchError, LandedBatch, files_of
from serving.audit.candidate import Candidate, Needs
from serving.audit.report import CheckResult, broken, first_line, verdict

CHECK = "independent__quiz_grades"
MART = "fct_grades"
NEEDS: Needs = {
    "marts.fct_grades": ("activity_key", "user_key", "item_number", "computed_grade"),
    "landing.user_keys": ("source", "user_id", "user_key"),
    "landing.sources": ("source", "kind", "batch_id"),
}
CLAIM = "Every computed quiz grade equals the one worked out again from landing's files within 0.00001."

# The mart rounds to five decimals, which is half of this; the other half is what doubles may add.
TOLERANCE = 1e-5
_ALMOST_ZERO = 5e-6
_GRADED_STATES = ["finished", "abandoned", "submitted"]
_HIGHEST, _AVERAGE, _FIRST, _LAST = 1, 2, 3, 4

_ATTEMPTS = ["id", "quiz", "userid", "attempt", "preview", "state", "sumgrades"]
_QUIZZES = ["id", "grademethod", "grade", "sumgrades"]


def latest(files: Sequence[Path], columns: Sequence[str]) -> pl.LazyFrame:
    """The rows that batches leave behind, oldest file first: the last version of each id, without the deleted ones.

    Files are read in the order given, so the last row of an id is that of the newest batch; no other column is read.
    """
    frame = pl.scan_parquet(list(files), extra_columns="ignore")
    return (
        frame.select(*columns, "_op")
        .unique("id", keep="last", maintain_order=True)
        .filter(pl.col("_op") != "delete")
        .select(columns)
    )


def quiz_grades(attempts: pl.LazyFrame, quizzes: pl.LazyFrame) -> pl.LazyFrame:
    """One row (quiz, userid, grade) for each account with a grade in a quiz; marks add up as decimals.

    Attempts of a quiz that is gone, or of no account, have no grade.
    """
    mark = pl.col("sumgrades")
    counted = attempts.filter((pl.col("preview") == 0) & pl.col("state").is_in(_GRADED_STATES)).sort(
        "quiz", "userid", "attempt", "id"
    )
    chosen = counted.group_by("quiz", "userid", maintain_order=True).agg(
        highest=mark.max(),
        # One count and one exact sum: the mean does not depend on the order of the attempts.
        total=mark.sum(),
        marked=mark.count(),
        first=mark.first(),
        last=mark.last(),
    )
    method = pl.col("grademethod")
    raw = (
        pl.when(method == _HIGHEST)
        .then(pl.col("highest").cast(pl.Float64))
        .when(method == _AVERAGE)
        .then(pl.col("total").cast(pl.Float64) / pl.col("marked"))
        .when(method == _FIRST)
        .then(pl.col("first").cast(pl.Float64))
        .when(method == _LAST)
        .then(pl.col("last").cast(pl.Float64))
    )
    out_of = pl.col("out_of").cast(pl.Float64)
    rescaled = pl.when(out_of < _ALMOST_ZERO).then(0.0).otherwise(raw * pl.col("grade").cast(pl.Float64) / out_of)
    return (
        chosen.join(quizzes.rename({"id": "quiz", "sumgrades": "out_of"}), on="quiz", how="inner")
        .with_columns(grade=pl.when(raw.is_not_null() & raw.is_finite()).then(rescaled))
        .filter(pl.col("grade").is_not_null())
        .select("quiz", "userid", "grade")
    )


def check_quiz_grades(candidate: Candidate, batches: Sequence[LandedBatch]) -> CheckResult:
    """Our quiz grades against those of the mart, both ways. A difference is a breach of ours."""
    try:
        ours = _recomputed(candidate, batches)
        mart = candidate.frame(
            """
            select activity_key, user_key, cast(computed_grade as double) as computed_grade
            from marts.fct_grades
            where split_part(activity_key, ':', 2) = 'quiz' and item_number = 0 and computed_grade is not null
                and user_key is not null
            """
        )
    except (BatchError, duckdb.Error, pl.exceptions.PolarsError, OSError) as error:
        return broken(CHECK, MART, f"The quiz grades could not be worked out again: {first_line(error)}")
    both = ours.join(mart, on=["activity_key", "user_key"], how="full", coalesce=True, nulls_equal=True)
    wrong = both.filter(
        pl.col("grade").is_null()
        | pl.col("computed_grade").is_null()
        | ((pl.col("grade") - pl.col("computed_grade")).abs() > TOLERANCE)
    ).with_columns(
        problem=pl.when(pl.col("computed_grade").is_null())
        .then(pl.lit("missing in the mart"))
        .when(pl.col("grade").is_null())
        .then(pl.lit("only in the mart"))
        .otherwise(pl.lit("different"))
    )
    evidence = wrong.sort("activity_key", "user_key").select(
        "activity_key", "user_key", "problem", pl.col("grade").alias("worked_out"), "computed_grade"
    )
    return verdict(CHECK, MART, CLAIM, both.height, wrong.height, evidence.head(20).to_dicts(), noun="quiz grades")


def _recomputed(candidate: Candidate, batches: Sequence[LandedBatch]) -> pl.DataFrame:
    sources = [row["source"] for row in candidate.records("select source from landing.sources where kind = 'moodle'")]
    keys = candidate.frame("select source, user_id, user_key from landing.user_keys")
    frames = [pl.DataFrame(schema={"activity_key": pl.String, "user_key": pl.String, "grade": pl.Float64})]
    for source in sources:
        attempts = files_of(batches, source, "quiz_attempts")
        quizzes = files_of(batches, source, "quiz")
        if not attempts or not quizzes:
            continue
        grades = quiz_grades(latest(attempts, _ATTEMPTS), latest(quizzes, _QUIZZES)).collect()
        named = grades.join(
            keys.filter(pl.col("source") == source), left_on="userid", right_on="user_id", how="left"
        ).select(pl.format("{}:quiz:{}", pl.lit(source), "quiz").alias("activity_key"), "user_key", "grade")
        frames.append(named)
    return pl.concat(frames)
