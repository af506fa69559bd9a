# `make generate LABEL=seven` speaks a word; `make test` runs the checks. Both make .venv when needed.
PYTHON ?= python3
VENV   ?= .venv
LABEL  ?= seven
ARGS   ?=
BIN    := $(VENV)/bin

# Their metadata asks for torchaudio and transformers, which the predictor does not use: --no-deps.
DISTILLMOS := distillmos==0.9.1 xls-r-sqa==0.1.0
# Its metadata asks for webrtcvad, which must be compiled; these are its wheels.
RESEMBLYZER := resemblyzer==0.1.4 webrtcvad-wheels==2.0.14.post1

.PHONY: generate test docs test-browser browser-requirements lint types-and-wheel types wheel unit train-requirements evaluate-requirements experiment-requirements expand-requirements adapt-requirements clean

generate: $(VENV)/.generate
	@$(BIN)/scoresubnet generate $(LABEL) $(ARGS)

# The quick checks first; then the slow ones beside the tests, each one's output in a piece where make can (from 4.0 on).
test: $(VENV)/.test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j3 unit types-and-wheel

types-and-wheel:
	@$(MAKE) --no-print-directory $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) types wheel

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache

types:
	$(BIN)/mypy

wheel:
	$(BIN)/python tools/check_wheel.py

# torch.compile reads the bytecode, which SlipCover changes: these run by themselves.
COMPILED := tests/training/test_gpu_options.py

# A process for each core, with one thread each: threads of several would stand in each other's way.
# The tests load librosa in all of them, some without our lock: its functions are compiled before.
# Where a test kills its process, the others end: a process in its place would wait for ever (--dist loadfile).
# SlipCover: coverage.py costs a third more time with Python 3.11, this about a tenth.
unit:
	@$(BIN)/python -c "from scoresubnet.audio.compiled import load_librosa; load_librosa()"
	OMP_NUM_THREADS=1 $(BIN)/slipcover --branch --source src/scoresubnet --skip-covered \
		-m pytest --numprocesses auto --maxprocesses 4 --max-worker-restart 0 --dist loadfile \
		--ignore $(COMPILED) --ignore tests/browser
	OMP_NUM_THREADS=1 $(BIN)/pytest $(COMPILED)

# The page of `scoresubnet demo` in Chromium, and its JavaScript in Node. Without either it skips, but fails under CI=true.
test-browser: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/browser

# The documentation as a site of its own in site/; it fails where a link leads nowhere. No torch is needed.
docs: $(VENV)/.docs
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.site

# Node 20 or newer is the system's. So is Chromium, which is installed here where that is possible.
browser-requirements:
	@command -v npm > /dev/null || { echo "no npm; install Node.js 20 or newer (Debian: apt-get install nodejs npm)"; exit 1; }
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@test -n "$$CHROMIUM" || command -v chromium > /dev/null || { test "$$(id -u)" = 0 && apt-get install --yes --no-install-recommends chromium; } \
		|| { echo "no chromium; install it (Debian: apt-get install chromium), or set CHROMIUM to the path of one"; exit 1; }

train-requirements adapt-requirements expand-requirements: %-requirements: $(VENV)/.torch
	$(BIN)/pip install --quiet --editable ".[$*]"

evaluate-requirements experiment-requirements: %-requirements: $(VENV)/.torch
	$(BIN)/pip install --quiet --editable ".[$*]"
	$(BIN)/pip install --quiet --no-deps $(DISTILLMOS) $(RESEMBLYZER)

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("scoresubnet needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.11" % v[:2])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: tools/install_torch.py | $(BIN)/pip
	@$(BIN)/python tools/install_torch.py
	@touch $@

$(VENV)/.generate: pyproject.toml | $(BIN)/pip
	@echo "installing what generating needs"
	@$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.docs: pyproject.toml | $(BIN)/pip
	@echo "installing what the documentation needs"
	@$(BIN)/pip install --quiet --editable ".[docs]"
	@touch $@ $(VENV)/.generate

$(VENV)/.test: $(VENV)/.torch pyproject.toml Makefile
	@echo "installing the test extras"
	@$(BIN)/pip install --quiet --editable ".[test]"
	@$(BIN)/pip install --quiet --no-deps $(DISTILLMOS) $(RESEMBLYZER)
	@touch $@ $(VENV)/.generate $(VENV)/.docs

clean:
	rm -rf $(VENV) node_modules site build .cache .mypy_cache .pytest_cache .ruff_cache
