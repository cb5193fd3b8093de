# Every target sets up what it needs. PYTHON is any Python from 3.11 on.
PYTHON ?= python3
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml --group build

.PHONY: setup dev run demo test lint bench openapi lock clean

setup: .venv/.runtime
dev: .venv/.dev

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gongkai needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.python requirements.lock pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: setup
	@$(BIN)/gongkai migrate
	@$(BIN)/gongkai serve

demo: setup
	@$(BIN)/gongkai migrate
	@$(BIN)/gongkai demo

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

bench: dev
	$(BIN)/python -m bench
	$(BIN)/python -m bench.network
	$(BIN)/python -m bench.mirror

openapi: setup
	$(BIN)/gongkai openapi > openapi/openapi.json

# Resolve the dependencies anew; needs a package index, whose address is not written down.
lock: dev
	$(LOCK) -o requirements.lock
	$(LOCK) --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
