# Every target is at most five lines; what is longer is a program with a name. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: help demo dev test coverage cluster-test bench generate verify lint image

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## the main job on real data, told step by step; needs nothing but python3 (3.11 or newer)
	$(BIN)/python definitions/demo.py

dev: $(VENV)/.demo ## the control plane on definitions/02-weather, kept running on port 8080
	$(BIN)/python definitions/demo.py --keep --port 8080

test: $(VENV)/.test ## everything that needs no cluster
	$(BIN)/python -m pytest -q -m "not cluster"

coverage: $(VENV)/.test ## every branch of the domain and of the SDK is tested
	$(BIN)/python -m pytest -q tests/unit/domain tests/unit/sdk --cov --cov-report=
	$(BIN)/coverage report --include='operator/upwell_operator/domain/*,sdk/src/*' --fail-under=100

cluster-test: $(VENV)/.test ## the same program on a real cluster; CLUSTER="--context NAME" for one of yours
	$(BIN)/python tests/cluster/cluster.py test $(CLUSTER) -- $(abspath $(BIN))/python -m pytest -q -m cluster tests

bench: $(VENV)/.test ## the figures, each beside its reference in the same run; writes docs/explanation/performance.md
	$(BIN)/python tests/bench/report.py $(BENCH)

generate: $(VENV)/.demo ## write what is generated: crds/, the chart's copies, docs/reference
	$(BIN)/upwell generate

verify: generate lint ## everything generated is committed, and the house rules hold
	@git diff --exit-code --stat
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }

lint: $(VENV)/.test ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

image: ## the one image: operator, server, and the SDK for users' pods
	docker build --tag upwell:0.1.0 .

$(VENV)/.demo: pyproject.toml sdk/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable ./sdk --editable '.[dev]'
	$(PIP) --no-deps vega_datasets   # for its CSV files only; pandas is not needed
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --editable ./sdk --editable '.[dev,test]'
	@touch $@
