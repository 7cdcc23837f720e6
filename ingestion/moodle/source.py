"""What is known of one Moodle site: where its database is and how it may be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingestion.errors import UsageError

_DIALECTS = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}


@dataclass(frozen=True)
class MoodleSource:
    """A Moodle database as a source. `url` holds the secret and is left out of every representation.

    `base_folder` is where a relative SQLite path counts from. Times are seconds, sizes are rows.

    `time_budget_seconds` bounds what one sync reads of a full load: after it, no further range of `range_rows` rows is
    begun. None reads it all in one sync. A gradebook of more than `whole_read_max_rows` grades is read by its history
    where it can be.
    """

    name: str
    url: str = field(repr=False)
    prefix: str = "mdl_"
    site_url: str | None = None
    base_folder: Path = Path()
    batch_rows: int = 50_000
    statement_timeout_seconds: int = 600
    delete_check_max_rows: int = 5_000_000
    whole_read_max_rows: int = 2_000_000
    sync_window_hours: float = 24.0
    on_failure: str = "full"
    watermark_overlap_seconds: int = 600
    append_overlap_rows: int = 1_000
    time_budget_seconds: float | None = None
    range_rows: int = 500_000

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]*", self.prefix):
            raise UsageError(f"The prefix of source {self.name} may hold letters, digits and underscores only.")
        if not self.dialect:
            raise UsageError(
                f"The url of source {self.name} must begin with postgresql://, mysql:// or sqlite:///, "
                "for example postgresql://user:password@host/database."
            )

    @property
    def dialect(self) -> str | None:
        """postgresql, mysql (MariaDB too) or sqlite; None when the URL names none of them."""
        return _DIALECTS.get(self.url.partition("://")[0].partition("+")[0].lower())

    @property
    def address(self) -> Address:
        """The URL taken apart; raises UsageError where it cannot be."""
        return Address.of(self)

    def redact(self, text: str) -> str:
        """The text without the URL or its password, for messages that quote a driver."""
        parts = urlsplit(self.url)
        text = text.replace(self.url, f"<url of {self.name}>")
        for secret in filter(None, {parts.password, unquote(parts.password or "")}):
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True)
class Address:
    """Host, port, database and account of a database server, or the file of a SQLite database."""

    database: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, source: MoodleSource) -> Address:
        if source.dialect == "sqlite":
            # sqlite:///relative/path and sqlite:////absolute/path
            path = unquote(source.url.partition("://")[2]).removeprefix("/")
            if not path:
                raise UsageError(
                    f"The url of source {source.name} names no file; write sqlite:///path/to/moodle.sqlite."
                )
            return cls(database=str(source.base_folder / path))
        try:
            parts = urlsplit(source.url)
            host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
        except ValueError:
            raise UsageError(f"The url of source {source.name} cannot be read as a URL.") from None
        database = unquote(parts.path.removeprefix("/"))
        if not database:
            raise UsageError(f"The url of source {source.name} names no database; end it with /database.")
        return cls(
            database=database,
            host=host or "localhost",
            port=port,
            user=unquote(user) if user else None,
            password=unquote(password) if password else None,
        )
