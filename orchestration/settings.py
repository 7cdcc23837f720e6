"""rollbook.toml as one model. Reading it resolves no secret and touches no source."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ingestion.errors import UsageError

DEFAULT_CONFIG = Path("rollbook.toml")
CONFIG_VARIABLE = "ROLLBOOK_CONFIG"
_SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# First parts of asset keys that are not sources.
_RESERVED_NAMES = {"landing", "staging", "intermediate", "marts", "restricted", "seeds", "published", "monitoring"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paths(_Section):
    data_dir: Path = Path("data")


class Site(_Section):
    """`time_zone` is that of reporting dates; stored times are UTC."""

    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone; write one like Europe/Madrid")
        return value


class Privacy(_Section):
    pseudonym_key: SecretStr | None = None


class Release(_Section):
    """A release goes when it is neither among the `keep_last` newest nor younger than `keep_hours`."""

    keep_last: int = Field(default=24, ge=1)
    keep_hours: float = Field(default=48, ge=0)


class Audit(_Section):
    """By how much of the rows it covers a rule's findings may grow against the live release, in percent."""

    max_growth_percent: Decimal = Field(default=Decimal(1), ge=0, le=100)


class Identity(_Section):
    """Which actors and accounts are one person."""

    match: Literal["account"]
    home_page: str
    name_is: Literal["user_id", "username", "email"]
    source: str


class QuietHours(_Section):
    """Local hours of the site in which scheduled runs leave a source alone; the end is not part of them."""

    start: time
    end: time

    def contains(self, moment: datetime, time_zone: str) -> bool:
        local = moment.astimezone(ZoneInfo(time_zone)).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


class _Source(_Section):
    sync_mode: Literal["auto", "incremental", "full", "disabled"] = "auto"
    sync_window_hours: float = Field(default=24, gt=0)
    on_failure: Literal["full", "resume"] = "full"
    time_budget_seconds: int = Field(default=300, ge=1)
    batch_rows: int = Field(default=50_000, ge=1)
    statement_timeout_seconds: int = Field(default=600, ge=1)
    delete_check_max_rows: int = Field(default=5_000_000, ge=0)
    quiet_hours: QuietHours | None = None
    reconcile_every_hours: float | None = Field(default=None, gt=0)

    @field_validator("quiet_hours", mode="before")
    @classmethod
    def _hours(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        start, dash, end = value.partition("-")
        try:
            if not dash:
                raise ValueError
            return QuietHours(start=time.fromisoformat(start.strip()), end=time.fromisoformat(end.strip()))
        except ValueError:
            raise ValueError("write quiet hours as 22:00-06:00") from None


class MoodleSettings(_Source):
    """`whole_read_max_rows`: a gradebook of more grades is read by its history in hourly syncs."""

    kind: Literal["moodle"]
    url: SecretStr
    whole_read_max_rows: int = Field(default=2_000_000, ge=0)
    prefix: str = Field(default="mdl_", pattern=r"^[A-Za-z0-9_]*$")
    site_url: str | None = None

    @field_validator("site_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            TypeAdapter(AnyHttpUrl).validate_python(value)
        return value


class XapiSettings(_Source):
    kind: Literal["xapi"]
    endpoint: str | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None
    path: Path | None = None
    profile: Literal["strict", "lenient", "exelearning"] = "strict"

    @model_validator(mode="after")
    def _one_place(self) -> XapiSettings:
        if (self.endpoint is None) == (self.path is None):
            raise ValueError("needs either endpoint or path")
        return self


class TelemetrySettings(_Source):
    kind: Literal["telemetry"]
    url: SecretStr | None = None
    path: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> TelemetrySettings:
        if (self.url is None) == (self.path is None):
            raise ValueError("needs either url or path")
        return self


SourceSettings = Annotated[MoodleSettings | XapiSettings | TelemetrySettings, Field(discriminator="kind")]


class Settings(BaseSettings):
    """The whole configuration. Paths are absolute once it is loaded from a file."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    paths: Paths = Paths()
    site: Site = Site()
    privacy: Privacy = Privacy()
    release: Release = Release()
    audit: Audit = Audit()
    sources: dict[str, SourceSettings] = {}
    identity: list[Identity] = []
    _file: Path = PrivateAttr(default=DEFAULT_CONFIG)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the file counts: a variable called PATHS must not move anybody's data."""
        return (init_settings,)

    @model_validator(mode="after")
    def _names(self) -> Settings:
        for name in self.sources:
            if not _SOURCE_NAME.fullmatch(name) or name in _RESERVED_NAMES:
                raise ValueError(
                    f"sources.{name} needs another name: letters, digits, - and _, not - or _ first, "
                    f"none of {', '.join(sorted(_RESERVED_NAMES))}"
                )
        for rule in self.identity:
            if rule.source not in self.sources:
                raise ValueError(f"identity names the source {rule.source!r}, which is not configured")
        return self

    @property
    def file(self) -> Path:
        """The file that was read."""
        return self._file

    @property
    def folder(self) -> Path:
        """Where relative paths count from."""
        return self._file.parent

    @property
    def data_dir(self) -> Path:
        return self.folder / self.paths.data_dir

    @property
    def landing_dir(self) -> Path:
        return self.data_dir / "landing"

    @property
    def warehouse(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    @property
    def dbt_dir(self) -> Path:
        return self.data_dir / "dbt"

    @property
    def dagster_home(self) -> Path:
        """`DAGSTER_HOME` where it is set, else below the data directory."""
        return Path(os.environ.get("DAGSTER_HOME") or self.data_dir / "dagster").absolute()


def load_settings(file: Path | None = None) -> Settings:
    """Read the given file, else `$ROLLBOOK_CONFIG`, else `./rollbook.toml`.

    Raises UsageError, in one sentence that names the setting, for whatever is wrong in it.
    """
    path = (file or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)).absolute()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"There is no configuration at {path}: write one, or name it with --config or ${CONFIG_VARIABLE}."
        ) from None
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration {path} is no TOML: {_first_line(error)}.") from None
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise UsageError(f"{path.name}: {_sentence(error, content)}.") from None
    settings._file = path
    return settings


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _sentence(error: ValidationError, content: dict[str, Any]) -> str:
    """The first complaint in words. It quotes what was written only where that can be no secret."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    # Pydantic puts the kind of a source between its name and its setting.
    if len(place) > 2 and place[0] == "sources":
        del place[2]
    setting, kind = ".".join(place), first["type"]
    if kind == "extra_forbidden":
        return f"there is no setting {setting}{_nearest(place, content)}"
    if kind == "missing":
        return f"{setting} is missing"
    if kind == "union_tag_not_found":
        return f"{setting} needs a kind: moodle, xapi or telemetry"
    if kind == "union_tag_invalid":
        return f"{setting} has the unknown kind {first['ctx']['tag']!r}; write moodle, xapi or telemetry"
    if kind == "literal_error":
        return f"{setting} must be one of {first['ctx']['expected'].replace(' or ', ', ')}, not {first['input']!r}"
    if kind == "value_error":
        reason = str(first["ctx"]["error"])
        return f"{setting}: {reason}" if setting else reason
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{setting}: {message}"


def _nearest(place: list[str], content: dict[str, Any]) -> str:
    if len(place) == 1:
        known: list[str] = list(Settings.model_fields)
    elif place[0] == "sources":
        kind = content["sources"][place[1]].get("kind")
        models: dict[str, type[BaseModel]] = {
            "moodle": MoodleSettings,
            "xapi": XapiSettings,
            "telemetry": TelemetrySettings,
        }
        known = list(models[kind].model_fields) if kind in models else []
    else:
        section = Settings.model_fields[place[0]].annotation
        known = list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
    close = difflib.get_close_matches(place[-1], known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
