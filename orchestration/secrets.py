"""Secrets: named in the configuration, read from the environment when needed, kept out of all that is written."""

from __future__ import annotations

import logging
import os
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from ingestion.errors import UsageError

_FROM_ENVIRONMENT = "env:"
_SHORTEST_REDACTED = 4
_resolved: set[str] = set()


def resolve(value: SecretStr, setting: str) -> SecretStr:
    """The secret itself: `env:NAME` is read from the environment, anything else is the secret.

    From then on `redact` hides it. Raises UsageError when the variable is not set.
    """
    text = value.get_secret_value()
    if text.startswith(_FROM_ENVIRONMENT):
        name = text.removeprefix(_FROM_ENVIRONMENT).strip()
        text = os.environ.get(name, "")
        if not text:
            raise UsageError(f"The environment variable {name}, which {setting} names, is not set: export it first.")
    remember(text)
    return SecretStr(text)


def redact(text: str) -> str:
    """The text without any secret that was resolved in this process."""
    for secret in sorted(_resolved, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class RedactingFilter(logging.Filter):
    """The last line of defence: no handler that carries it writes a resolved secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _resolved:
            record.msg, record.args = redact(record.getMessage()), ()
            if record.exc_info:
                record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


def remember(secret: str) -> None:
    """Hide this text, and the password in it when it is a URL, from now on."""
    found = {secret}
    if "://" in secret:
        try:
            password = urlsplit(secret).password
        except ValueError:
            password = None
        found |= {password or "", unquote(password or "")}
    # A password of three letters would turn half of every sentence into stars.
    _resolved.update(text for text in found if len(text) >= _SHORTEST_REDACTED)
