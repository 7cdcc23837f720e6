"""How a value reads: thousands apart, the unit beside it, a time with its zone, NULL as "none"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

Kind = Literal["text", "count", "decimal", "percent", "date", "time", "tone"]
TONES = ("good", "attention", "bad", "neutral")
NONE = "none"
_PLAIN: dict[str, Kind] = {"text": "text", "percent": "percent", "date": "date", "time": "time", "tone": "tone"}


class FormatError(ValueError):
    """A format that cannot be used; the message says why."""


@dataclass(frozen=True)
class Format:
    """`unit` in the plural, `unit_of_one` in the singular; empty for kinds that carry their unit in the value."""

    kind: Kind
    unit: str = ""
    unit_of_one: str = ""
    decimals: int = 0
    has_bar: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in ("count", "decimal", "percent")

    def number(self, value: Any) -> str:
        """The value without its unit; a percentage has its sign, a time its zone."""
        if is_none(value):
            return NONE
        match self.kind:
            case "count":
                return f"{int(value):,}"
            case "decimal":
                rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_EVEN)
                return f"{rounded:,f}"
            case "percent":
                return _percent(float(value))
            case "date":
                return _day(value)
            case "time":
                moment: datetime = value.astimezone(UTC)
                return f"{_day(moment)}, {moment:%H:%M} UTC"
            case _:
                return str(value)

    def text(self, value: Any) -> str:
        """The value with its unit."""
        if is_none(value) or not self.unit:
            return self.number(value)
        return f"{self.number(value)} {self.unit_of(value)}"

    def unit_of(self, value: Any) -> str:
        """The unit that fits the value: one attempt, two attempts."""
        return self.unit_of_one if not is_none(value) and value == 1 else self.unit


def is_none(value: Any) -> bool:
    """NULL, or a number that is none."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def parse_format(text: str) -> Format:
    """`text`, `percent`, `percent bar`, `date`, `time`, `tone`, `count <unit>` or `decimal <digits> <unit>`.

    A unit is a word in the plural, or `singular/plural`. Raises FormatError.
    """
    words = text.split()
    if words == ["percent", "bar"]:
        return Format("percent", has_bar=True)
    if len(words) == 1 and words[0] in _PLAIN:
        return Format(_PLAIN[words[0]])
    if words[:1] == ["count"]:
        return Format("count", *_unit(words[1:], text))
    if words[:1] == ["decimal"] and len(words) > 1 and words[1].isdigit():
        return Format("decimal", *_unit(words[2:], text), decimals=int(words[1]))
    raise FormatError(f"'{text}' is no format")


def _unit(words: list[str], text: str) -> tuple[str, str]:
    if not words:
        raise FormatError(f"'{text}' lacks its unit")
    one, _, many = " ".join(words).partition("/")
    return many or one, one


def _percent(value: float) -> str:
    """One decimal; what is not all or nothing never reads as 100 % or 0 %."""
    shown = f"{value:,.1f}"
    if shown == "100.0" and value < 100:
        shown = "99.9"
    elif shown in ("0.0", "-0.0") and value > 0:
        shown = "0.1"
    return f"{shown.removesuffix('.0')} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
