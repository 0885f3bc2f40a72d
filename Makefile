# The table of contents of the work. `make` alone lists the targets.
#
# Everything is installed into virtual environments inside the checkout (.venv and .venvs); nothing else on
# the machine changes. Needs: make and Python 3.11 or newer. Another Python: make install PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLOOR := .venvs/floor
OLDER := .venvs/older
PEERS := $(basename $(notdir $(wildcard constraints/peers/*.txt)))
# Those of them that have an adapter in tests/conformance/adapters.
CONFORMING := langfuse logfire traceloop-sdk
# What a test run shares stays with one worker for long, and who is done early takes from the other.
PYTEST_ARGS ?= -n 2 --dist worksteal
WITH_EXTRAS := --editable '.[agents,cost,local]'
PIP := -m pip --disable-pip-version-check --quiet

# Containers often set it. Each of the many programs that the tests start would then compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install browser format lint mypy basedpyright types layers checks older-sdk pytest test demo screenshots bench bench-local bench-smoke faults soak conformance conformance-peers semconv test-floor test-receivers clean

help: ## List the targets
	@echo "Targets:"
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

# Creates the virtual environment $(1) if it has no working pip yet, after a look at the version of Python.
define virtualenv
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("This needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(1)/bin/python -m pip --version >/dev/null 2>&1 || { echo "Creating the virtual environment $(1)"; $(PYTHON) -m venv $(1); }
	@$(1)/bin/python $(PIP) install --upgrade 'pip>=25.1' 'uv>=0.7'
endef

# Installs $(2) into $(1). uv takes a tenth of the time that pip takes, but does not read its settings, such as the
# address of a mirror: pip has its turn where uv finds no way.
define packages
	@$(1)/bin/uv pip install --quiet --python $(1)/bin/python $(2) || $(1)/bin/python $(PIP) install $(2)
endef

# An environment for development serves the demo too, so this leaves both marks.
$(VENV)/.installed: pyproject.toml
	$(call virtualenv,$(VENV))
	@echo "Installing the package with its extras and the tools for tests and checks into $(VENV)"
	$(call packages,$(VENV),$(WITH_EXTRAS) --group dev)
	@touch $(VENV)/.demo $(VENV)/.installed

$(VENV)/.demo: pyproject.toml
	$(call virtualenv,$(VENV))
	@echo "Installing the package with its extras and the openai client into $(VENV)"
	$(call packages,$(VENV),$(WITH_EXTRAS) --group demo)
	@touch $(VENV)/.demo

$(FLOOR)/.installed: pyproject.toml constraints/floor.txt
	$(call virtualenv,$(FLOOR))
	@echo "Installing the package with the oldest supported OpenTelemetry into $(FLOOR)"
	$(call packages,$(FLOOR),$(WITH_EXTRAS) --group test --constraint constraints/floor.txt)
	@touch $(FLOOR)/.installed

install: $(VENV)/.installed ## Create .venv with all that development needs

browser: ## Install Chromium for the tests of the dashboard, where there is none (Debian and Ubuntu, as root)
	@if command -v chromium chromium-browser google-chrome >/dev/null; then \
		echo "The tests of the dashboard use $$(command -v chromium chromium-browser google-chrome | head -n 1)"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing the system package chromium"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium >/dev/null; \
	else \
		echo "There is no Chromium: install it (Debian and Ubuntu: apt-get install chromium), or name one in CHROMIUM. Without it the tests of the dashboard are skipped." >&2; exit 1; \
	fi

.venvs/peer-%/.installed: constraints/peers/%.txt
	$(call virtualenv,.venvs/peer-$*)
	@echo "Installing $* into .venvs/peer-$*"
	$(call packages,.venvs/peer-$*,--requirement $<)
	@touch $@

$(OLDER)/.installed: constraints/older.txt
	$(call virtualenv,$(OLDER))
	@echo "Installing the platform's older package into $(OLDER)"
	$(call packages,$(OLDER),--requirement $<)
	@touch $@

format: install ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lint: install ## Check style, format and that generated files are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python semconv/generate.py --check

mypy: install
	$(BIN)/mypy

basedpyright: install
	$(BIN)/basedpyright

types: mypy basedpyright ## Check types with mypy and basedpyright, both strict

layers: install ## Check that rooms import downwards only
	$(BIN)/lint-imports

older-sdk: $(OLDER)/.installed ## Install the platform's older package into .venvs/older, for the tests

pytest: install older-sdk ## Run the tests only (PYTEST_ARGS='-k name' to choose)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Each is a program of its own that keeps to one core.
checks: install
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target mypy basedpyright lint layers older-sdk

test: checks pytest ## Run every check and every test, as CI does

demo: $(VENV)/.demo ## Serve, run an example agent, show its runs as trees (SERVE=1 stays)
	$(BIN)/python -m examples.demo

# What it measures as ours is this checkout, with the bare OpenTelemetry SDK beside it.
.venvs/peer-contextcompany-otel/.installed: pyproject.toml

bench: install older-sdk $(PEERS:%=.venvs/peer-%/.installed) ## Measure recording beside the bare SDK and its peers, write docs/benchmarks.md (an hour)
	for benchmark in benchmarks/[a-z]*.py; do $(BIN)/python $$benchmark || exit; done
	rm -f build/benchmarks.jsonl
	$(BIN)/python -m benchmarks.peers --results build/benchmarks.jsonl --write docs/benchmarks.md

bench-smoke: install ## See that each measure of recording still runs and loses nothing; no times
	$(BIN)/python -m pytest tests/benchmarks

screenshots: install browser ## Take the pictures of the dashboard that the README shows
	$(BIN)/python -m tests.browser.screenshots

.venvs/phoenix/.installed: constraints/phoenix.txt
	$(call virtualenv,.venvs/phoenix)
	@echo "Installing Arize Phoenix into .venvs/phoenix"
	$(call packages,.venvs/phoenix,--requirement $<)
	@touch $@

bench-local: install .venvs/phoenix/.installed ## Measure the local collector beside Arize Phoenix, write docs/benchmarks.md (an hour; RUNS=100000, FILL=6)
	$(BIN)/python -m benchmarks.local .venvs/phoenix --runs $(or $(RUNS),100000) --fill $(or $(FILL),6) --write docs/benchmarks.md

faults: install ## Inject every fault, account for every span, write docs/reliability.md (ten minutes)
	$(BIN)/python -m tests.faults

soak: install ## Random faults and load with ceilings on memory and threads (MINUTES=20)
	$(BIN)/python -m tests.faults --soak $(or $(MINUTES),20)

conformance: install ## Run the conformance programs, write our column of docs/conformance.md
	$(BIN)/python -m tests.conformance

conformance-peers: install $(CONFORMING:%=.venvs/peer-%/.installed) ## The same with three other packages beside ours (a large download)
	$(BIN)/python -m tests.conformance --peers

semconv: install ## Regenerate attribute names and their page from semconv/
	$(BIN)/python semconv/generate.py

test-floor: $(FLOOR)/.installed older-sdk ## Run the tests on the oldest supported OpenTelemetry
	$(FLOOR)/bin/python -m pytest $(PYTEST_ARGS)

test-receivers: install ## Send runs to Phoenix and MLflow and read them back (large download)
	$(BIN)/python tests/receivers/run.py

clean: ## Remove environments, builds and caches
	rm -rf $(VENV) .venvs build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
