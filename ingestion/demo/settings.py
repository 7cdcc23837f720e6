"""Site settings, and secrets among them that no contract allows to be read."""

from __future__ import annotations

from ingestion.demo.people import STUDENT
from ingestion.demo.world import World

_CONFIG = {
    "version": "2024100706",
    "release": "4.5.6 (Build: 20250811)",
    "branch": "405",
    "timezone": "Europe/Madrid",
    "enablecompletion": "1",
    "unlimitedgrades": "0",
    "gradebookroles": str(STUDENT),
    "disablegradehistory": "0",
    "gradehistorylifetime": "0",
    "grade_displaytype": "1",
    "grade_decimalpoints": "2",
    "grade_minmaxtouse": "1",
    "grade_includescalesinaggregation": "0",
    "smtppass": "demo-secret-smtp",
    "siteidentifier": "demo-secret-site",
}
_PLUGINS = (
    ("mod_quiz", "version", "2024100700"),
    ("mod_scorm", "version", "2024100700"),
    ("mod_exelearning", "version", "2026080700"),
    ("logstore_standard", "version", "2024100700"),
    ("local_iomad", "version", "2024090500"),
    ("exelearning", "xapiprimaryenabled", "1"),
    ("quiz", "graceperiodmin", "60"),
    ("logstore_standard", "loglifetime", "0"),
    ("logstore_standard", "jsonformat", "1"),
    ("auth_ldap", "bind_pw", "demo-secret-ldap"),
)


def write_settings(world: World) -> None:
    """Rows of config and config_plugins."""
    for name, value in _CONFIG.items():
        world.db.add("config", name=name, value=value)
    for plugin, name, value in _PLUGINS:
        world.db.add("config_plugins", plugin=plugin, name=name, value=value)
