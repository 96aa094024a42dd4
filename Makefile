# `make demo` and `make test` do all their own set-up: a virtual environment in .venv, with the exact versions of
# requirements.lock. It is done again only when the lock or pyproject.toml changes.

SHELL := /bin/sh
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: demo test crash check bench lock screenshots clean help

VENV   := .venv
BIN    := $(VENV)/bin
# Two tests at a time: the PostgreSQL servers and browsers they start are heavier than they are.
JOBS   ?= 2
# Passed on: make demo ARGS="my-tokens.csv --port 9000"; make test ARGS="tests/unit -k calendar"
ARGS   ?=

help:
	@echo "make demo         the whole thing on this machine, in a browser, with an example inventory"
	@echo "make test         every test (browser tests where a Chromium is found)"
	@echo "make crash        kill a worker thousands of times, and ask people and issuing systems what came of it (hours)"
	@echo "make check        ruff, mypy, import-linter"
	@echo "make bench        the benchmarks, each beside the floor it is measured against"
	@echo "make screenshots  take the README's pictures anew"
	@echo "make lock         work the locked versions out anew"
	@echo "make clean        remove what the other targets made"

demo: $(VENV)/.ready-to-run
	@exec $(BIN)/whose demo $(ARGS)

test: $(VENV)/.ready-to-develop
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

# Some of it: make crash ARGS="--only delivery --runs 100 --database sqlite --calm", or
# make crash ARGS="--only remediation --deaths 50 --kind gitlab"; WHOSE_CRASH_SEED chooses other lines to die at.
crash: $(VENV)/.ready-to-develop
	@$(BIN)/python -m tests.crash $(ARGS)

check: $(VENV)/.ready-to-develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# At full size that takes a while; a look: make bench ARGS=--quick; some alone: make bench ARGS="click lookup"
bench: $(VENV)/.ready-to-develop
	@$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.ready-to-develop
	@WHOSE_REQUIRE_BROWSER=1 WHOSE_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/browser $(ARGS)

# --universal: one file for every platform and every Python from 3.11 on.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --extra postgres
lock: $(VENV)/.ready-to-develop
	@$(BIN)/python -m pip install --quiet uv
	@echo "setuptools>=77" | $(BIN)/$(LOCK) pyproject.toml - -o requirements.lock $(ARGS)
	@echo "setuptools>=77" | $(BIN)/$(LOCK) pyproject.toml - --extra dev -c requirements.lock -o requirements-dev.lock $(ARGS)

clean:
	rm -rf $(VENV) .demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# ---------------------------------------------------------------- set-up

# Twice quiet: errors only.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

$(VENV)/.ready-to-run: requirements.lock pyproject.toml $(VENV)/bin/python
	@echo "Installing what Whose needs to run ..." >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-to-develop: requirements-dev.lock $(VENV)/.ready-to-run
	@echo "Installing what the tests need ..." >&2
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/bin/python:
	@for one in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	   if "$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$one; break; fi; \
	 done; \
	 if [ -z "$$python" ]; then \
	   echo "Whose needs Python 3.11 or newer, and none was found (python3 is $$(python3 -V 2>&1)). Please install one," \
	        "or say where it is: make demo PYTHON=/path/to/python3.12" >&2; exit 2; fi; \
	 if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	   echo "$$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; fi; \
	 echo "Making a virtual environment with $$("$$python" -V) ..." >&2; \
	 "$$python" -m venv --clear $(VENV)
