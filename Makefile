# make demo and make test set up what is missing (a virtual environment in .venv) and then run.
#
# Variables: PYTHON       the Python to make .venv with (3.11 or newer)
#            PYTEST_ARGS  further arguments of make test; -n auto: as many processes as there are cores
#            TORCH        what make setup tries to install as torch; empty: leave torch alone

PYTHON      ?= python3
PYTEST_ARGS ?= -n auto
# A local version such as 2.13.0+cpu never matches a file of the public index, whose Linux files bring several GB of
# CUDA packages. So torch is installed only where pip was given a CPU build, and otherwise its tests are skipped.
TORCH       ?= $(shell sed -n 's/^torch==[^+]*$$/&+cpu/p' constraints.txt)

VENV := .venv
BIN  := $(VENV)/bin
# Files are compiled at their first import: compiling all of scipy and matplotlib would double the set-up time.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check prove mutate synth waves bench lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

setup: $(VENV)/.stamp-dev ## make .venv with everything that the other targets need
	@echo "$(VENV) is ready"

demo: $(VENV)/.stamp-run ## passes of the attention cascades, and FuseMax's evaluation into demo/ (runtime packages only)
	@$(BIN)/archsim passes
	@$(BIN)/archsim reproduce fusemax_micro24 -o demo

test: $(VENV)/.stamp-dev ## run all tests, doctests included
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.stamp-dev ## format, lint (RTL too), types, layering
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layering.py tests/rtl/test_lint.py

prove: $(VENV)/.stamp-dev ## prove the RTL properties (the first run compiles yosys' WebAssembly: about a minute)
	$(BIN)/python -m rtl.formal.prove

mutate: $(VENV)/.stamp-dev ## seed faults into the RTL kernels; at least 90% must be caught
	$(BIN)/python -m rtl.bench.mutate -j 2

synth: $(VENV)/.stamp-dev ## synthesize the RTL kernels in NanGate 45 nm into designs/energy/nangate45_rtl.yaml (needs sta)
	$(BIN)/python -m rtl.syn

waves: $(VENV)/.stamp-dev ## draw which array does what in each clock of the attention tile: rtl/waves.png
	$(BIN)/python -m tests.rtl.waves rtl/waves.png

bench: $(VENV)/.stamp-dev ## run the benchmarks
	$(BIN)/python -m tests.bench

clean: ## remove .venv, caches and build products
	rm -rf $(VENV) demo build dist sim_build map_growth.png results.xml *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment -----------------------------------------------------------------------------------------

define FIND_PYTHON
usable() { command -v "$$1" >/dev/null && "$$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; \
find_python() { for p in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do if usable $$p; then echo $$p; return; fi; done; }
endef

$(VENV)/.stamp-venv:
	@$(FIND_PYTHON); \
	python=$$(find_python); \
	if [ -z "$$python" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Python 3.11 or newer with venv is missing: installing python3 and python3-venv with apt-get"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	        apt-get install -y -qq --no-install-recommends python3 python3-venv </dev/null >/dev/null; \
	    python=$$(find_python); \
	fi; \
	if [ -z "$$python" ]; then \
	    echo "archsim needs Python 3.11 or newer with its venv module. On Debian or Ubuntu:" >&2; \
	    echo "    sudo apt-get install python3 python3-venv" >&2; \
	    echo "or name another Python: make PYTHON=/path/to/python3.12 ..." >&2; \
	    exit 1; \
	fi; \
	echo "making $(VENV) with $$($$python --version)"; \
	$$python -m venv --clear $(VENV)
	@touch $@

$(VENV)/.stamp-run: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	@echo "installing archsim and its runtime packages into $(VENV)"
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-run
	@echo "installing the development tools into $(VENV)"
	@$(PIP_INSTALL) --editable '.[dev,rtl]'
	@if [ -z '$(TORCH)' ]; then \
	    echo "torch left alone (TORCH is empty)"; \
	elif $(PIP_INSTALL) --only-binary torch '$(TORCH)' 2>$(VENV)/torch.log; then \
	    echo "installed $(TORCH)"; \
	else \
	    echo "$(TORCH) is not available here: the torch tests will be skipped (pip's answer: $(VENV)/torch.log)"; \
	fi
	@touch $@

# --- the pins --------------------------------------------------------------------------------------------------------

define LOCK
import json, re, sys
found = (item["metadata"] for item in json.load(open(sys.argv[1]))["install"])
pins = {re.sub(r"[-_.]+", "-", m["name"]).lower(): m["version"].partition("+")[0] for m in found}
del pins["archsim"]
print("# Exact versions of what pip installs, for Python 3.11 and newer. Written by make lock; do not edit.")
print(*(f"{name}=={version}" for name, version in sorted(pins.items())), sep="\n")
endef
export LOCK

# Resolve on the oldest supported Python, so that the pins install on the newer ones too.
lock: $(VENV)/.stamp-venv ## write constraints.txt anew from pyproject.toml: the newest versions that fit
	@$(BIN)/python -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit("make lock needs Python 3.11: make clean lock PYTHON=python3.11")'
	$(BIN)/python -m pip install -qq --disable-pip-version-check --dry-run --ignore-installed --report $(VENV)/lock.json '.[dev,rtl]' '$(or $(TORCH),torch)'
	@$(BIN)/python -c "$$LOCK" $(VENV)/lock.json >$(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt
