# The one front door. `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests that measure are one group, so that none of them runs beside another of them.
TWO_AT_A_TIME := --numprocesses 2 --dist loadgroup
BENCH_CONTRACT := --schema tests/bench/schema --out runtime/duologue/bench/generated

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-relay demo-cluster first-hour pictures generate check-generated format check test test-pythons test-newest-python test-busy test-all check-counts counts bench bench-curves bench-guard build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that development needs

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY) ## generate the examples, run a service and a client, watch mypy catch mistakes
	@$(BIN)/duologue generate --quiet
	@$(BIN)/python -m tests.demo.demo
	@$(BIN)/python -m tests.demo.chat_demo
	@$(BIN)/python -m tests.demo.relay_demo

demo-relay: $(READY) ## a provider with no open port, called through a relay that cannot read
	@$(BIN)/python -m tests.demo.relay_demo

demo-cluster: $(READY) ## three relays that are one, through NATS; a node and a NATS server are killed
	@$(BIN)/python -m tests.demo.cluster_demo

first-hour: $(READY) ## type what README and runtime/AGENT.md say into a fresh environment; prints the times
	@$(BIN)/python -m tests.first_hour

pictures: $(READY) ## record the terminal of the README anew
	@$(BIN)/python -m tests.recording

generate: $(READY) ## contracts in schema/ to packages in generated/
	$(BIN)/duologue generate
	$(BIN)/duologue generate $(BENCH_CONTRACT)

check-generated: $(READY) ## fail if `make generate` would change a byte
	$(BIN)/duologue generate --check
	$(BIN)/duologue generate --check $(BENCH_CONTRACT)

format: $(READY) ## put the sources into their one form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: $(READY) check-generated ## contracts, lint, types by mypy and pyright, import floors
	$(BIN)/duologue fmt --check
	$(BIN)/duologue check --breaking
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

test: $(READY) ## every test that is quick enough for each change, two at a time
	$(BIN)/pytest $(TWO_AT_A_TIME) -m 'not slow'

test-pythons: $(READY) ## the unit tests with every other Python that is promised and here
	$(BIN)/python -m tests.other_pythons

test-newest-python: $(READY) ## the runtime's unit tests with the newest Python that is promised and here
	$(BIN)/python -m tests.other_pythons --newest

test-busy: $(READY) ## `make test` beside two processes that only burn CPU time
	$(BIN)/python -m tests.busy $(MAKE) test

test-all: $(READY) ## the slow ones too
	$(BIN)/pytest $(TWO_AT_A_TIME)

check-counts: $(READY) ## fail if a call makes other calls or allocations than tests/bench/counts.json says
	$(BIN)/python -m tests.bench.counts

counts: $(READY) ## write tests/bench/counts.json anew, for a change that means to change them
	$(BIN)/python -m tests.bench.counts --write

bench: $(READY) ## duologue beside its peers, in one table; BENCH="--quick" for a short one
	$(BIN)/python -m tests.bench $(BENCH)

bench-curves: $(READY) ## how duologue grows, as pictures in tests/bench/curves
	$(BIN)/python -m tests.bench.curves

bench-guard: $(READY) ## CPU time of a call against a raw `websockets` echo; wants a quiet machine
	$(BIN)/python -m tests.bench.guard

build: $(READY) ## sdist and wheel in dist/
	$(BIN)/python -m build --outdir dist

clean: ## remove what the other targets made
	rm -rf $(VENV) $(VENV)-* dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
