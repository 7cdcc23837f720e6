"""The data dictionary: what the marts' descriptions say, as one page. `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "data_dictionary.md"
_MODELS = PROJECT / "dbt_project" / "models"
_INTRODUCTION = """# Data dictionary

Written by `make docs` from the descriptions in `dbt_project/models`; change them there.

Every mart of a release also has `changed_release` (the release in which the row's content last changed) and
`changed_at` (when that was, UTC).
"""


def described_models() -> Iterator[Mapping[str, Any]]:
    """The descriptions of all marts and of schema restricted, by name."""
    found = []
    for folder in ("marts", "restricted"):
        for path in sorted((_MODELS / folder).rglob("*.yml")):
            found += yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])
    yield from sorted(found, key=lambda model: model["name"])


def page() -> str:
    """The whole page, the same for the same descriptions."""
    return "\n".join([_INTRODUCTION, *(_section(model) for model in described_models())])


def _section(model: Mapping[str, Any]) -> str:
    lines = [f"## {model['name']}", "", _flat(model.get("description", "")), ""]
    lines += ["| column | type | meaning |", "|---|---|---|"]
    for column in model.get("columns", []):
        meaning = _flat(column.get("description", "")).replace("|", "\\|")
        lines.append(f"| `{column['name']}` | {column.get('data_type', '')} | {meaning} |")
    return "\n".join([*lines, ""])


def _flat(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(PROJECT)} written")
