# What people type. Everything stands on `make setup`, which does nothing where it has been done.
#
#   make setup           .venv with everything that training, tests and development need
#   make demo            trains the dates model, answers, measures, shows where the rest is
#   make test            style, types and all tests
#   make faults          plants small faults one by one, each of which the tests must notice
#   make docs            writes the generated pages of docs/ anew
#
#   TORCH=cpu make setup  takes torch's build without CUDA: gigabytes less on a machine without a GPU
#   PYTHON=python3.12 …   builds .venv on that Python

SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/.setup-done
TORCH ?=
PYTHON ?=

.PHONY: setup demo test faults docs

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh setup.sh
	@touch $@

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: export OMP_NUM_THREADS = 1
test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

faults: export OMP_NUM_THREADS = 1
faults: $(STAMP)
	$(BIN)/python tests/faults/plant.py

docs: $(STAMP)
	$(BIN)/python docs/generate.py
