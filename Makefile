# The one front door. `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-relay generate check-generated format check test test-all bench build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that development needs

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY) ## generate the examples, run a service and a client, watch mypy catch mistakes
	@$(BIN)/duologue generate --quiet
	@$(BIN)/python tests/demo/demo.py
	@$(BIN)/python -m tests.demo.relay_demo

demo-relay: $(READY) ## a provider with no open port, called through a relay that cannot read
	@$(BIN)/python -m tests.demo.relay_demo

generate: $(READY) ## contracts in schema/ to packages in generated/
	$(BIN)/duologue generate

check-generated: $(READY) ## fail if `make generate` would change a byte
	$(BIN)/duologue generate --check

format: $(READY) ## put the sources into their one form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: $(READY) check-generated ## lint, types by mypy and pyright, import floors
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

test: $(READY) ## every test that is quick enough for each change
	$(BIN)/pytest -m 'not slow'

test-all: $(READY) ## the slow ones too
	$(BIN)/pytest

bench: $(READY) ## CPU and time per message and per call, beside a plain WebSocket echo
	$(BIN)/python -m tests.bench

build: $(READY) ## sdist and wheel in dist/
	$(BIN)/python -m build --outdir dist

clean: ## remove what the other targets made
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
