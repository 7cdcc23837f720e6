"""How values read: with their unit, and NULL never as 0."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from dashboards.formats import parse_format


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("count attempt/attempts", 0, "0 attempts"),
        ("count attempt/attempts", 1, "1 attempt"),
        ("count attempt/attempts", 12345, "12,345 attempts"),
        ("count attempt/attempts", None, "none"),
        ("count people", 1, "1 people"),
        ("decimal 2 points", Decimal("1234.565"), "1,234.56 points"),
        ("decimal 1 points", 0.25, "0.2 points"),
        ("decimal 1 points", None, "none"),
        ("decimal 1 points", float("nan"), "none"),
        ("percent", 45.08, "45.1 %"),
        ("percent", 100.0, "100 %"),
        ("percent", 99.99, "99.9 %"),
        ("percent", 0.01, "0.1 %"),
        ("percent", 0, "0 %"),
        ("percent bar", None, "none"),
        ("date", date(2026, 3, 2), "2 Mar 2026"),
        ("date", None, "none"),
        ("time", datetime(2026, 3, 2, 8, 5, tzinfo=UTC), "2 Mar 2026, 08:05 UTC"),
        ("time", datetime(2026, 3, 2, 0, 5, tzinfo=timezone(timedelta(hours=2))), "1 Mar 2026, 22:05 UTC"),
        ("text", "as it is", "as it is"),
        ("text", None, "none"),
    ],
)
def test_a_value_reads_with_its_unit(form: str, value: Any, text: str) -> None:
    assert parse_format(form).text(value) == text
