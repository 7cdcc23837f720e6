"""Entry point: `streamlit run dashboards/app.py`.

Reads the published folder that ROLLBOOK_PUBLISHED names, else ./data/published, else ./demo/data/published.
"""

import sys
from pathlib import Path

# Streamlit puts this file's folder on the path; the package is one above it.
_PROJECT = str(Path(__file__).resolve().parent.parent)
if _PROJECT not in sys.path:
    sys.path.insert(0, _PROJECT)

import streamlit as st  # noqa: E402

from dashboards.views import overview  # noqa: E402

st.set_page_config(page_title="Rollbook", layout="wide", initial_sidebar_state="collapsed")
# A second page needs one line more here, and brings the navigation with it.
_PAGES = [st.Page(overview.show, title=overview.VIEW.title, url_path="overview", default=True)]
st.navigation(_PAGES, position="sidebar" if len(_PAGES) > 1 else "hidden").run()
