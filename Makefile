# Everything that a newcomer types. `make run` and `make test` need git, make
# and Python 3.11 with venv, and nothing else. `make help` prints what stands
# behind "##" below.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# As many tests at once as there are processors.
JOBS := $(shell nproc)
# The order is drawn anew each time, and printed: SEED=... repeats it.
SEED := 0
# With JOBS=1, REPORTER=timing prints the seconds of each test.
REPORTER := text
TRIAL := $(BIN)/python -b -m tests.parallel $(if $(filter-out 1,$(JOBS)),-j $(JOBS)) --random=$(SEED) --reporter=$(REPORTER)
# Kept from run to run: examples that failed come first, and tables need not be made again.
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.hypothesis

# What `make` alone does: starting a machine would be a surprise.
.DEFAULT_GOAL := help
.PHONY: help run test slow live lint docs man wheel bench clean distclean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.run ## A printer and a mail host, from etc/irsend.toml; ARGS="--set KEY=VALUE" are options
	exec $(BIN)/twistd -n --pidfile= irsend --config etc/irsend.toml $(ARGS)

# What is tested: all but what is slow or live, or less, as in `make test TESTS=tests.device`.
PACKAGES := $(filter-out tests/live tests/slow,$(patsubst %/__init__.py,%,$(wildcard tests/*/__init__.py)))
TESTS := $(subst /,.,$(PACKAGES) $(basename $(wildcard tests/test_*.py)))

test: $(VENV)/.test ## The suite; TESTS=tests.device is a part of it
	$(TRIAL) $(TESTS)

slow: $(VENV)/.test ## Whole corpora, full sizes, limits of CPU
	$(TRIAL) tests.slow

live: $(VENV)/.live ## The suites against real servers and a browser; needs root and Debian's packages
	IRSEND_LIVE=required $(TRIAL) tests.live

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check irsend tests twisted benchmarks docs
	$(BIN)/ruff format --check irsend tests twisted benchmarks docs
	$(BIN)/mypy

docs: $(VENV)/.dev ## The documentation as HTML, warnings as errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

man: $(VENV)/.test ## etc/irsendctl.1, the man page, from the help texts
	$(BIN)/python -m irsend.ctl.manual > etc/irsendctl.1

wheel: $(VENV)/.dev ## A wheel in dist/, tried in an empty environment
	sh tests/wheel.sh $(BIN)/python

bench: $(VENV)/.bench ## Measures the machine beside its peers
	$(BIN)/python -m benchmarks

clean: ## Deletes all that was built, .venv too
	rm -rf $(VENV) build dist docs/_build *.egg-info _trial_temp* .hypothesis .mypy_cache .ruff_cache .schemathesis
	find . -name .git -prune -o \( -name __pycache__ -o -name '*.pyc' -o -name dropin.cache \) -prune -exec rm -rf {} +

distclean: clean ## Deletes what machines have left too: var/ with its mail and settings, logs of twistd
	rm -rf var twistd.pid twistd.log*

# On a terminal pip shows what it does; in a log one line for each step is enough.
QUIET := $(shell test -t 2 || echo -q)

# $(call install,EXTRAS,WHAT,TIME): WHAT and TIME are said before the step begins.
# The checkout is installed with its package paths as they are
# (editable_mode=compat): the default way of an editable install hides
# twisted/plugins from twistd.
define install
@echo "Installing $(2) into $(VENV): this takes $(3)."
$(BIN)/pip install $(QUIET) --disable-pip-version-check --config-settings editable_mode=compat -e '.$(1)'
@touch $@
endef

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "irsend needs Python 3.11 or later, this is " + sys.version.split()[0])'
	@echo "Making a virtual environment in $(VENV): this takes a few seconds."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(call install,[all],irsend and the packages that it needs,about a minute)

$(VENV)/.test: $(VENV)/.run
	$(call install,[test],what the suite needs,a few seconds)

# Kerberos is built from source: libkrb5-dev, a C compiler, Python's headers.
$(VENV)/.live: $(VENV)/.test
	$(call install,[live],what the live suites need (Kerberos is compiled),about a minute)

$(VENV)/.bench: $(VENV)/.test
	$(call install,[bench],the peers that are measured,a few seconds)

$(VENV)/.dev: $(VENV)/.test
	$(call install,[dev],what checks and documentation need,about a minute)
