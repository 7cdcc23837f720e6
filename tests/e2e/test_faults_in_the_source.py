"""What the source breaks is found, withheld and published around; when it breaks much at once, the release stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from tests.e2e.conftest import AS_OF, Installation
from tests.servers import Server

pytestmark = pytest.mark.slow

QUIZ_GRADE = 100
ITEM_GRADE = """
    select g.id from mdl_grade_grades g join mdl_grade_items i on i.id = g.itemid
    where i.itemtype = 'mod' and i.itemmodule <> 'quiz' and g.finalgrade is not null and i.gradetype = 1
    order by g.id limit 1
"""


@pytest.fixture(scope="module")
def site(postgresql: Server, load_site: Any, make_installation: Callable[[str], Installation]) -> Any:
    load_site(postgresql, "dev", "pg")
    postgresql.copy("e2e_dev", "e2e_faulty")
    installation = make_installation("faulty")
    installation.configure(postgresql.url("e2e_faulty"))
    installation.run("run", "--as-of", AS_OF["dev"])
    return installation, lambda sql: postgresql.run("e2e_faulty", sql)


def findings(installation: Installation) -> dict[str, int]:
    """Errors; what learners and packages did there are warnings."""
    counted = "select rule, count(*) from marts.rpt_anomalies where severity = 'error' group by rule"
    return dict(installation.rows(counted))


def test_faults_of_growing_size(site: Any) -> None:
    """One story: a raised stored grade, an absurd final grade, then many of them at once."""
    installation, change = site
    first = installation.current
    assert findings(installation) == {}

    change(f"update mdl_quiz_grades set grade = grade + 1 where id = {QUIZ_GRADE}")
    installation.run("run", "--as-of", AS_OF["dev"])
    second = installation.current
    assert second != first
    unexplained = "select count(*) from marts.fct_grades where parity = 'mismatch' and parity_reason is null"
    assert installation.rows(unexplained) == [(1,)]
    assert findings(installation) == {"grade_mismatch": 1}

    change(f"update mdl_grade_grades set finalgrade = 99999 where id = ({ITEM_GRADE})")
    installation.run("run", "--as-of", AS_OF["dev"])
    third = installation.current
    assert findings(installation) == {"grade_mismatch": 1, "score_out_of_bounds": 1}
    [(evidence,)] = installation.rows("select evidence from marts.rpt_anomalies where rule = 'score_out_of_bounds'")
    assert "99999" in json.dumps(json.loads(evidence))
    for column, mart in (("gradebook_grade", "fct_grades"), ("grade", "fct_gradebook_grades")):
        assert installation.rows(f"select count(*) from marts.{mart} where {column} > 9000") == [(0,)]

    change(
        "update mdl_grade_grades set finalgrade = 88888 where finalgrade is not null and id % 20 = 0"
        " and itemid in (select id from mdl_grade_items where itemtype = 'mod')"
    )
    stopped = installation.run("run", "--as-of", AS_OF["dev"], expect=1)
    assert installation.current == third
    assert "score_out_of_bounds" in stopped.stdout + stopped.stderr
    with duckdb.connect(str(installation.folder / "data/warehouse.duckdb"), read_only=True) as con:
        blocked = con.execute(
            "select check_name, rows_failed from monitoring.quality_results where blocks and not passed"
        ).fetchall()
    assert [name for name, failed in blocked if "score_out_of_bounds" in name]
    status = json.loads((installation.folder / "data/published/status.json").read_text())
    assert status["release"]["release_id"] == int(third.name)

    # Once the source is mended the next run releases again, by itself.
    change("update mdl_grade_grades set finalgrade = rawgrade where finalgrade > 9000")
    installation.run("run", "--as-of", AS_OF["dev"])
    assert installation.current > third
    assert findings(installation).get("score_out_of_bounds", 0) == 0
