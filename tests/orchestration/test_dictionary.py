from __future__ import annotations

from pathlib import Path

from orchestration import dictionary

MARTS = Path(dictionary.PROJECT) / "dbt_project" / "models" / "marts"


def test_the_page_in_docs_is_the_one_that_the_descriptions_give() -> None:
    assert dictionary.PAGE.read_text(encoding="utf-8") == dictionary.page(), "run make docs"


def test_every_mart_and_every_column_of_it_is_described() -> None:
    described = {model["name"]: model for model in dictionary.described_models()}
    assert {path.stem for path in MARTS.rglob("*.sql")} <= described.keys()
    for name, model in described.items():
        assert len(model.get("description", "")) > 40, name
        bare = [c["name"] for c in model["columns"] if not c.get("description") or not c.get("data_type")]
        assert bare == [], name


def test_every_mart_enforces_its_contract_and_names_its_key() -> None:
    for model in dictionary.described_models():
        key = model["config"]["meta"]["primary_key"]
        assert key in {column["name"] for column in model["columns"]}, model["name"]
        assert model["config"].get("contract", {}).get("enforced", True), model["name"]
