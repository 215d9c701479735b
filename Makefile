# What you type. Everything is installed into .venv/ here; nothing outside this folder is touched.
# On a new machine: Python 3.11, 3.12 or 3.13 and make. `make` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv data release messages demo test test-full test-hostile mutants bench lint clean

help: ## list what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

venv: $(VENV)/ready ## make .venv with the locked dependencies

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "make: $(PYTHON) is not Python 3.11, 3.12 or 3.13; fix: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

data: ## fetch CIFAR-10 into datasets/ (170 MB)
	bash get_datasets.sh

release: venv ## make what students get: release/deep_nets and its zip
	$(BIN)/autograder release deep_nets

messages: venv ## bring the translations up to date with the texts (docs/languages.md)
	$(BIN)/python -m autograder.languages.update

demo: venv ## grade five hand-ins made on the spot (under 8 minutes); everything lies in demo/
	@test -n "$$CIFAR10_DIR" || $(BIN)/python datasets/get_datasets.py --or-synthetic
	$(BIN)/autograder demo

test: venv lint ## the tests that every change must pass (under 15 minutes)
	$(BIN)/python -m pytest -n 2

test-full: venv lint ## the same, with whole notebooks, real training and a browser (under 75 minutes)
	$(BIN)/python -m pytest --slow -n 2

test-hostile: venv ## attack the examiner from hand-ins, behind each wall (about 8 minutes)
	$(BIN)/python -m pytest --slow -m hostile tests

mutants: venv ## do the hidden checks fail every small change of a right answer? into docs/mutants.md (5 minutes)
	$(BIN)/python tests/mutants --page docs/mutants.md

bench: venv ## training speed of the reference into build/speed (minutes; with PyTorch after: pip install -e '.[bench]')
	$(BIN)/python benchmarks/speed.py

lint: venv ## ruff, mypy, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## remove what was made here (.venv/ and datasets/ stay)
	rm -rf demo results logs autograded feedback report export gradebook.db .runtime build
