"""What may stand in rollbook.toml, and the one sentence that each mistake ends in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.settings import CONFIG_VARIABLE, MoodleSettings, QuietHours, Settings, load_settings
from tests.orchestration.conftest import CAMPUS, rollbook

PLANTED = "planted-secret-1"
BASE = f'[sources.campus]\nkind = "moodle"\nurl = "postgresql://u:{PLANTED}@h/d"\n'

MISTAKES = [
    ('[sources.campus]\nkind = "moodle"\n', "sources.campus.url is missing"),
    ('[sources.campus]\nurl = "x"\n', "sources.campus needs a kind"),
    ('[sources.campus]\nkind = "mdl"\n', "unknown kind 'mdl'"),
    (BASE + 'prefx = "mdl_"\n', "no setting sources.campus.prefx; did you mean prefix?"),
    (BASE + 'sync_mode = "hourly"\n', "sources.campus.sync_mode must be one of"),
    (BASE + 'batch_rows = "many"\n', "sources.campus.batch_rows"),
    (BASE + "batch_rows = 0\n", "sources.campus.batch_rows"),
    (BASE + 'prefix = "a-b"\n', "sources.campus.prefix"),
    (BASE + 'site_url = "campus"\n', "sources.campus.site_url"),
    (BASE + 'quiet_hours = "at night"\n', "write quiet hours as 22:00-06:00"),
    (f'[sources.campus]\nkind = "moodle"\nurl = ["{PLANTED}"]\n', "sources.campus.url"),
    ('[sources.lrs]\nkind = "xapi"\n', "needs either endpoint or path"),
    ('[sources.exams]\nkind = "telemetry"\n', "needs either url or path"),
    ('[sources.marts]\nkind = "telemetry"\npath = "drops"\n', "sources.marts needs another name"),
    ('[sources."a b"]\nkind = "telemetry"\npath = "drops"\n', "needs another name"),
    ("[sites]\na = 1\n", "no setting sites; did you mean site?"),
    ("[release]\nkeep_lst = 3\n", "did you mean keep_last?"),
    ("[release]\nkeep_last = 0\n", "release.keep_last"),
    ("[audit]\nmax_growth_percent = 200\n", "audit.max_growth_percent"),
    ('[site]\ntime_zone = "Madrid"\n', "'Madrid' is no time zone"),
    (
        '[[identity]]\nmatch = "account"\nhome_page = "x"\nname_is = "email"\nsource = "y"\n',
        "identity names the source 'y'",
    ),
    ("data_dir = \n", "is no TOML"),
    ("sources = 3\n", "sources"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_ends_in_one_sentence_and_exit_code_2(tmp_path: Path, text: str, expected: str) -> None:
    config = tmp_path / "rollbook.toml"
    config.write_text(text, encoding="utf-8")
    result = rollbook(config, "status")
    assert result.exit_code == 2
    assert expected in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert PLANTED not in result.output


def test_a_missing_configuration_says_how_to_name_one(tmp_path: Path) -> None:
    result = rollbook(tmp_path / "absent.toml", "run")
    assert result.exit_code == 2
    assert "--config" in result.stderr


def test_an_unreadable_configuration_is_one_sentence(tmp_path: Path) -> None:
    result = rollbook(tmp_path, "run")
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


def test_paths_count_from_the_file(configured: Callable[..., Settings], tmp_path: Path) -> None:
    settings = configured('[paths]\ndata_dir = "below/data"\n')
    assert settings.data_dir == tmp_path / "below" / "data"
    assert settings.dagster_home == tmp_path / "below" / "data" / "dagster"


def test_the_environment_names_the_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text(CAMPUS)
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "other.toml"))
    monkeypatch.setenv("PATHS", '{"data_dir": "elsewhere"}')
    assert load_settings().data_dir == tmp_path / "data"


def test_defaults_are_those_of_the_documentation(configured: Callable[..., Settings]) -> None:
    settings = configured()
    source = settings.sources["campus"]
    assert isinstance(source, MoodleSettings)
    assert (source.prefix, source.sync_mode, source.sync_window_hours, source.on_failure) == (
        "mdl_",
        "auto",
        24,
        "full",
    )
    assert (settings.release.keep_last, settings.release.keep_hours, settings.audit.max_growth_percent) == (24, 48, 1)


def test_loading_resolves_no_secret(configured: Callable[..., Settings]) -> None:
    settings = configured('[sources.campus]\nkind = "moodle"\nurl = "env:NOT_SET_ANYWHERE"\n')
    assert "NOT_SET_ANYWHERE" not in repr(settings)


def test_the_example_configuration_is_sound() -> None:
    settings = load_settings(Path(__file__).parents[2] / "rollbook.toml")
    assert list(settings.sources) == ["campus"]


@pytest.mark.parametrize(
    ("hours", "utc_hour", "inside"),
    [("08:00-10:00", 7, True), ("08:00-10:00", 9, False), ("22:00-06:00", 22, True), ("22:00-06:00", 6, False)],
)
def test_quiet_hours_are_local_and_may_span_midnight(hours: str, utc_hour: int, inside: bool) -> None:
    start, end = hours.split("-")
    quiet = QuietHours(start=start, end=end)  # type: ignore[arg-type]
    winter = datetime(2026, 1, 15, utc_hour, 30, tzinfo=UTC)
    assert quiet.contains(winter, "Europe/Madrid") is inside


def test_a_source_of_a_later_kind_is_accepted_but_cannot_run(tmp_path: Path) -> None:
    config = tmp_path / "rollbook.toml"
    config.write_text('[sources.lrs]\nkind = "xapi"\npath = "drops"\n')
    load_settings(config)
    result = rollbook(config, "run")
    assert result.exit_code == 2
    assert result.stderr.strip() == ("Sources of kind xapi are not available yet: remove sources.lrs, or disable it.")


def test_a_configuration_without_sources_cannot_run(configured: Callable[..., Settings]) -> None:
    result = rollbook(configured("[paths]\n").file, "run")
    assert (result.exit_code, "names no source" in result.stderr) == (2, True)


def test_an_unset_secret_names_its_variable_and_its_setting(configured: Callable[..., Settings]) -> None:
    settings = configured('[sources.campus]\nkind = "moodle"\nurl = "env:NOT_SET_ANYWHERE"\n')
    for command in ("run", "sync", "reconcile"):
        result = rollbook(settings.file, command)
        assert result.exit_code == 2
        assert "NOT_SET_ANYWHERE, which sources.campus.url names, is not set" in result.stderr
