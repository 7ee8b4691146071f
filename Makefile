# Everything that a newcomer types. `make run` and `make test` need git, make
# and Python 3.11 with venv, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# As many tests at once as there are processors.
JOBS := $(shell nproc)
# The order is drawn anew each time, and printed: SEED=... repeats it.
SEED := 0
# With JOBS=1, REPORTER=timing prints the seconds of each test.
REPORTER := text
TRIAL := $(BIN)/python -b -m tests.parallel -j $(JOBS) --random=$(SEED) --reporter=$(REPORTER)
# Kept from run to run: examples that failed come first, and tables need not be made again.
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.hypothesis

.PHONY: run test slow live lint docs wheel bench clean

run: $(VENV)/.run
	exec $(BIN)/twistd -n --pidfile= irsend --config etc/irsend.toml

# What is tested: all but what is slow or live, or less, as in `make test TESTS=tests.device`.
PACKAGES := $(filter-out tests/live tests/slow,$(patsubst %/__init__.py,%,$(wildcard tests/*/__init__.py)))
TESTS := $(subst /,.,$(PACKAGES) $(basename $(wildcard tests/test_*.py)))

test: $(VENV)/.test
	$(TRIAL) $(TESTS)

slow: $(VENV)/.test
	$(TRIAL) tests.slow

live: $(VENV)/.live
	IRSEND_LIVE=required $(TRIAL) tests.live

lint: $(VENV)/.dev
	$(BIN)/ruff check irsend tests twisted benchmarks docs
	$(BIN)/ruff format --check irsend tests twisted benchmarks docs
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

wheel: $(VENV)/.dev
	sh tests/wheel.sh $(BIN)/python

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build docs/_build *.egg-info _trial_temp* .hypothesis .mypy_cache .ruff_cache

# The checkout is installed with its package paths as they are
# (editable_mode=compat): the default way of an editable install hides
# twisted/plugins from twistd.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "irsend needs Python 3.11 or later, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --config-settings editable_mode=compat -e .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/pip install -q --disable-pip-version-check --config-settings editable_mode=compat -e '.[test]'
	touch $@

# Kerberos is built from source: libkrb5-dev, a C compiler, Python's headers.
$(VENV)/.live: $(VENV)/.test
	$(BIN)/pip install -q --disable-pip-version-check --config-settings editable_mode=compat -e '.[live]'
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/pip install -q --disable-pip-version-check --config-settings editable_mode=compat -e '.[bench]'
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(BIN)/pip install -q --disable-pip-version-check --config-settings editable_mode=compat -e '.[dev]'
	touch $@
