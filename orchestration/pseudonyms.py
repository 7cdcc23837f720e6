"""The key of all pseudonyms: where it is, that it never changes, that a lost one is never replaced."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from ingestion.errors import UsageError
from ingestion.landing import Landing, make_folder, write_atomically
from orchestration.ops import Ops
from orchestration.secrets import remember, resolve
from orchestration.settings import Settings

KEY_BYTES = 32


def pseudonym_key(settings: Settings) -> bytes:
    """The configured key, else that of the key file, which is made (mode 0600) while nothing has landed yet.

    Raises UsageError when data has landed and the key is gone, or is not the one that the data was named with.
    """
    ops = Ops(settings.data_dir)
    has_landing = bool(Landing(settings.landing_dir).sources())
    if settings.privacy.pseudonym_key is not None:
        key = resolve(settings.privacy.pseudonym_key, "privacy.pseudonym_key").get_secret_value().encode()
    else:
        key = _from_file(settings.data_dir / "secrets" / "pseudonym.key", has_landing=has_landing)
    known, mark = ops.fact("pseudonym_key"), _mark(key)
    if has_landing and known not in (None, mark):
        raise UsageError(
            "The pseudonym key is not the one that this data directory was made with: put the former key back, "
            "for another one would rename every person."
        )
    if known != mark:
        ops.set_fact("pseudonym_key", mark)
    return key


def _from_file(path: Path, *, has_landing: bool) -> bytes:
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = ""
    if not text:
        if has_landing:
            raise UsageError(
                f"The pseudonym key {path} is gone although data has landed under it: restore it from a backup, "
                "for another key would rename every person."
            )
        text = secrets.token_hex(KEY_BYTES)
        make_folder(path.parent)
        write_atomically(path, f"{text}\n".encode())
    remember(text)
    return text.encode()


def _mark(key: bytes) -> str:
    """By this the key is recognised later; it does not reveal the key."""
    return hmac.new(key, b"rollbook pseudonym key", hashlib.sha256).hexdigest()[:16]
