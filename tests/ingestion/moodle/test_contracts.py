from __future__ import annotations

import re

import pytest

from ingestion.contracts import Column, Sync, Table
from ingestion.moodle import contracts

NEVER_READ = re.compile(
    r"password|secret|token|^(last)?ip$|phone|address|street|city|postcode|skype|sesskey|enrolmentkey|subnet|"
    r"^feedback$|^information$|description|^intro$",
    re.I,
)


def test_no_contract_lists_a_secret_or_a_private_detail() -> None:
    listed = [
        f"{t.name}.{c.name}"
        for t in contracts().tables.values()
        for c in t.columns
        # a digest tells whether two are the same, and nothing else
        if NEVER_READ.search(c.name) and c.type != "digest"
    ]
    assert listed == []


def test_names_and_addresses_of_people_are_tagged_personal() -> None:
    user = contracts().tables["user"]
    personal = {c.name for c in user.columns if c.is_personal}
    assert personal == {"username", "firstname", "lastname", "email", "idnumber"}
    plain, own = user.streams
    assert own.name == "user__personal"
    assert not personal & {name for name, _ in plain.landed}


def test_only_proved_watermarks_are_relied_on() -> None:
    by_watermark = {t.name for t in contracts().tables.values() if t.sync is Sync.WATERMARK}
    assert by_watermark == {
        "quiz_attempts",
        "course_modules_completion",
        "user_enrolments",
        "scorm_scoes_track",
        "scorm_scoes_value",
    }


def test_every_column_that_names_an_account_is_typed_so() -> None:
    untyped = [
        f"{t.name}.{c.name}"
        for t in contracts().tables.values()
        for c in t.columns
        if c.type not in ("user", "actor") and re.search(r"user(id|modified)$|^loggeduser$|^overrideby$", c.name)
    ]
    assert untyped == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"primary_key": ("nothing",)}, "not among its columns"),
        ({"columns": (Column("id", "varchar"),)}, "unknown type"),
        ({"sync": Sync.WATERMARK}, "belong together"),
        ({"sync": Sync.TOUCHED}, "belong together"),
        ({"watermark": "id"}, "belong together"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(fault: dict, message: str) -> None:
    sound = {"name": "t", "primary_key": ("id",), "sync": Sync.WHOLE, "columns": (Column("id", "int"),)}
    Table(**sound)
    with pytest.raises(ValueError, match=message):
        Table(**{**sound, **fault})
