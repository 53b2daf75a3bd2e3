# make up · test · check · unit · bench · torture · lock · clean
#
# Needs python3 (3.11 or newer) and make; what else is missing comes through apt-get.
# Each step leaves a stamp, so that it is taken once: `make up` starts at once the second time.

SHELL := /bin/sh
# Compiled modules are kept: without them every start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := up
MAKEFLAGS += --no-print-directory
.PHONY: up test check unit bench torture lock clean

# More arguments for the program: make up ARGS="--port 9000"
ARGS ?=
# Where the demo keeps what it knows.
DATA ?= .data
# The first of these that is new enough: make up PYTHON=/opt/python3.12
PYTHON ?= $(shell scripts/find-python)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

# exec: Ctrl-C then reaches the program alone, which stops in order and leaves with success.
up: $(VENV)/.runtime $(VENV)/.isolation
	@exec $(BIN)/rackrate up --demo --data $(DATA) $(ARGS)

test: $(VENV)/.dev $(VENV)/.machine check
	@$(BIN)/python scripts/test $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	@$(BIN)/lint-imports > $(VENV)/.imports || { cat $(VENV)/.imports; exit 1; }
	@$(BIN)/pytest --quiet tests/test_house_rules.py

unit: $(VENV)/.dev
	@$(BIN)/pytest --quiet -m unit $(ARGS)

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks $(ARGS)

torture: $(VENV)/.dev $(VENV)/.machine
	@$(BIN)/python -m tests.torture $(ARGS)

# The newest versions that pyproject.toml allows, for every Linux that Rackrate runs on.
lock:
	@scripts/lock

# The server of a demo that was killed runs on, so it is stopped before its folder goes.
clean:
	@test ! -x $(BIN)/python || $(BIN)/python -m rackrate.db.remove $(DATA)
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.made:
	@scripts/make-venv "$(PYTHON)" $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml
	@echo "Installing what Rackrate runs on (about half a minute, once) ..."
	@$(PIP) install --no-deps --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing what checks and tests need (about a minute, once) ..."
	@$(PIP) install --no-deps --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch $@

# Leases run better apart from each other with bubblewrap. The demo starts without it, too.
$(VENV)/.isolation: $(VENV)/.made
	@command -v bwrap > /dev/null || scripts/apt-install bubblewrap \
		|| echo "Going on without bubblewrap: leases run as plain processes until it is installed."
	@touch $@

$(VENV)/.machine: scripts/test-packages.txt $(VENV)/.made
	@scripts/install-test-packages scripts/test-packages.txt && touch $@ || [ $$? = 2 ]
