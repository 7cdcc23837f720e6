# Everything runs in .venv, which `setup` makes from the lock; nothing else on the machine is touched.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Libraries' usage reporting is off in every process that make starts.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DAGSTER_DISABLE_TELEMETRY := yes
export GX_ANALYTICS_ENABLED := false
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false
DEMO := demo
TEST_WORKERS ?= 2
HISTORIES ?= 2000

.PHONY: help setup demo test prove dev dashboards bench check docs lock clean

help:
	@echo "make demo        a made-up institution through the whole pipeline, with a scoreboard"
	@echo "make test        the whole test suite"
	@echo "make prove       two thousand random histories: incremental equals whole, and no cut into syncs shows"
	@echo "make dev         the Dagster UI on the demo's data"
	@echo "make dashboards  the dashboards on the demo's release"
	@echo "make check       linters, types, dbt parse, a load of all definitions"
	@echo "make bench       speed, measured beside its limits"
	@echo "make docs        the data dictionary, from the models"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Rollbook needs Python 3.11, 3.12 or 3.13; name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup
	$(BIN)/rollbook demo --folder $(DEMO)

test: setup
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

dev: setup
	@test -e $(DEMO)/rollbook.toml || $(BIN)/rollbook demo --folder $(DEMO)
	DAGSTER_HOME=$(abspath $(DEMO)/data/dagster) ROLLBOOK_CONFIG=$(abspath $(DEMO)/rollbook.toml) $(BIN)/dagster dev -m orchestration.definitions

dashboards: setup
	@test -e $(DEMO)/rollbook.toml || $(BIN)/rollbook demo --folder $(DEMO)
	ROLLBOOK_PUBLISHED=$(abspath $(DEMO)/data/published) $(BIN)/streamlit run dashboards/app.py --browser.gatherUsageStats false

# New seeds unless ROLLBOOK_SEED names one; -rP prints them with the result.
prove: setup
	ROLLBOOK_SEED=$${ROLLBOOK_SEED:-$$(date +%s)} ROLLBOOK_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -rP --durations 3 \
	    --numprocesses $(TEST_WORKERS) --dist load tests/property/test_laws.py

bench: setup
	$(BIN)/python -m tests.bench --attempts 100000 --attempts 1000000 --source postgresql --extraction

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models dashboards
	$(BIN)/python -m orchestration.check

docs: setup
	$(BIN)/python -m orchestration.dictionary

lock: setup
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
