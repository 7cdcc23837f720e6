"""Wraps the layers below and holds none of their logic: settings, the command line, Dagster.

Importing this package switches the usage reporting of every library off, for this process and its children.
"""

import os

for _name, _value in {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}.items():
    os.environ[_name] = _value
