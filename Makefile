# `make generate LABEL=seven` speaks a word; `make test` runs the checks. Both make .venv when needed.
PYTHON ?= python3
VENV   ?= .venv
LABEL  ?= seven
ARGS   ?=
BIN    := $(VENV)/bin

.PHONY: generate test train-requirements clean

generate: $(VENV)/.generate
	@$(BIN)/scoresubnet generate $(LABEL) $(ARGS)

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

train-requirements: $(VENV)/.torch
	$(BIN)/pip install --quiet --editable ".[train,evaluate]"

$(VENV)/.torch: tools/install_torch.py
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("scoresubnet needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.11" % v[:2])'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python tools/install_torch.py
	@touch $@

$(VENV)/.generate: $(VENV)/.torch pyproject.toml
	@echo "installing what generating needs"
	@$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.torch pyproject.toml
	@echo "installing the test extras"
	@$(BIN)/pip install --quiet --editable ".[test]"
	@touch $@ $(VENV)/.generate

clean:
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache
