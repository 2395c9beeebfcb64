# Every command that a newcomer, a developer or CI needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# Without bytecode every process pays for its imports twice.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Half of a test's time is waiting for a process, a server or a disk: twice as many as two cores.
# A file's tests stay together, since many share a server, a lake or a platform.
WORKERS ?= 4
SPREAD := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# What a change breaks first: words, rooms, rules of the house, docs, released contracts.
FAST := tests/watermain/declare tests/rooms tests/house $(wildcard tests/test_*.py)
export PATH := $(CURDIR)/$(BIN):$(PATH)
ifdef PYTHON
export PYTHON
endif

.PHONY: help ready up down status test test-services test-campaigns dbt-suite check types fast format bench faults faults-bite gameday mutants demo-year dbt-sources picture contracts gate datacontract docs test-pythons build lock clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

ready:  ## build .venv from the locked requirements, when it is not up to date
	@./bootstrap.sh

up: ready  ## start the platform, load the last 31 days, serve Dagster (DETACH=1 returns when healthy)
	@$(BIN)/watermain up $(if $(filter-out 0,$(DETACH)),--detach)

down:  ## stop every process that `make up` started
	@if [ -x $(BIN)/watermain ]; then $(BIN)/watermain down; else echo "nothing was ever started"; fi

status: ready  ## tell what runs, how healthy it is
	@$(BIN)/watermain status

test: ready  ## run every test that needs no Debian package
	@$(PYTEST) $(SPREAD) -m "not services and not campaign"

test-services: ready  ## install what the service tests need from Debian, run them
	@tests/services/install.sh
	@tests/services/tool.sh datacontract tests/services/datacontract.lock
	@tests/services/tool.sh feast benchmarks/peers/feast.lock
	@tests/services/tool.sh great_expectations benchmarks/peers/great_expectations.lock
	@$(PYTEST) $(SPREAD) -n 2 -m "services and not campaign"

test-campaigns: ready  ## run the long proofs: planted defects, a short cut of each campaign of faults
	@$(PYTEST) $(SPREAD) -m campaign

dbt-suite: ready  ## run dbt's own tests for adapters over a branch of a lake
	@tests/services/dbt_suite/run.sh

test-pythons: ready  ## run the fast tests on every Python from 3.11 to 3.14 that is found here
	@tests/services/tool.sh release tests/services/release.lock
	@.venv-release/bin/nox --reuse-existing-virtualenvs

build: ready  ## make the wheel, the sdist in dist/, have them checked
	@tests/services/tool.sh release tests/services/release.lock
	@rm -rf dist
	@$(BIN)/uv build -q --no-build-isolation --no-create-gitignore --out-dir dist
	@.venv-release/bin/twine check --strict dist/*

check: ready  ## format, lint, types, house rules, docs, fast tests: less than a minute
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(MAKE) --jobs 2 --output-sync=target types fast

types: ready  ## look at the types alone
	@$(BIN)/mypy

fast: ready  ## run the tests of what a change breaks first: words, rooms, house, docs
	@$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder \
	  -m "not slow and not services and not campaign" $(FAST)

format: ready  ## format the code, mend what the linter can mend
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: ready  ## print the figures of benchmarks/README.md, measured here
	@missed=; for claim in benchmarks/[a-z]*.py; do \
	  $(BIN)/python -m benchmarks.$$(basename $$claim .py) || missed+=" $$claim"; \
	done; [ -z "$$missed" ] || { echo "outside the limit:$$missed"; exit 1; }

faults: ready  ## run the long campaigns of faults (ONLY=kills,zombies RUNS=300 SEED=1)
	@$(BIN)/python -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) \
	  $(if $(SEED),--seed $(SEED))

faults-bite: ready  ## plant defects into the platform, see that each of them is found
	@$(BIN)/python -m tests.faults --only bite

gameday: ready  ## provoke the ten usual failures, write docs/gameday.md (ONLY="F1 F5" TIMES=5)
	@$(BIN)/watermain gameday $(ONLY) --times $(or $(TIMES),1) --to docs/gameday.md

mutants: ready  ## change the engine in fifty places by chance, see that tests find each (SEED=1)
	@$(BIN)/python -m tests.faults.mutants $(if $(SEED),--seed $(SEED))

demo-year: ready  ## load the whole of 2013 as recorded, through its sources, into a data folder of 2013
	@$(BIN)/watermain up --detach --as-recorded --until 2013-12-31

picture: ready  ## draw the folders and arrows of docs/architecture.md
	@$(BIN)/python -m tests.house.draw

dbt-sources: ready  ## write the dbt sources from the curated declarations
	@$(BIN)/watermain new dbt-sources

contracts: ready  ## write the released contracts, unless the code breaks them
	@$(BIN)/watermain contract export

gate: ready  ## fail when the code breaks what AGAINST released (AGAINST=origin/main)
	@$(BIN)/watermain contract export --check --against $(or $(AGAINST),origin/main)

datacontract: ready  ## install datacontract-cli into a folder of its own: it judges contracts from outside
	@tests/services/tool.sh datacontract tests/services/datacontract.lock

docs: ready  ## build the documentation as a site, build/docs/html/index.html, strict about links
	@tests/services/tool.sh site docs/site/site.lock
	@PYTHONPATH=. $(BIN)/python docs/site/stage.py build/docs/pages
	@.venv-site/bin/sphinx-build -q -E -a -W --keep-going -j auto -c docs/site -d build/docs/state \
	  build/docs/pages build/docs/html
	@echo build/docs/html/index.html

# Resolved for every patch release that is promised, not for the one that happens to stand here.
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11.0 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate

lock: ready  ## write the lock files from their requirements.in
	@$(COMPILE) --override requirements-overrides.txt requirements.in -o requirements.lock
	@$(COMPILE) tests/services/datacontract.in -o tests/services/datacontract.lock
	@$(COMPILE) tests/services/release.in -o tests/services/release.lock
	@$(COMPILE) docs/site/site.in -o docs/site/site.lock

clean: down  ## stop the platform, delete its data folder with all state, delete caches
	@rm -rf data build/docs dist .nox .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
