# Everything a fresh machine needs is Python >= 3.11 and make. `make demo` and `make test` do their own set-up.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv

unexport PYTHONDONTWRITEBYTECODE  # six processes start from the package: compiled once, not by each

.PHONY: demo test test-all check setup setup-dev constraints clean

demo: setup            ## a simulated machining line, the twin beside it, and the page
	$(BIN)/didymos demo

test: setup-dev        ## the suite; under ten minutes on two cores
	$(BIN)/pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder

test-all: setup-dev    ## with the long ones
	$(BIN)/pytest

check: setup-dev       ## lint, types, import contracts
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/pyright
	$(BIN)/lint-imports

setup: .venv/.runtime
setup-dev: .venv/.dev

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Didymos needs Python 3.11 or newer; $(PYTHON) is older. Run: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "uv>=0.5,<1"

.venv/.runtime: .venv/bin/uv constraints.txt pyproject.toml hatch_build.py $(wildcard ui/src/*.ts* ui/src/*/*.ts* ui/*.json ui/*.css ui/*.html)
	$(UV) pip install --quiet --compile-bytecode --require-hashes -r constraints.txt
	$(UV) pip install --quiet --no-deps -e .
	@touch $@

.venv/.dev: .venv/.runtime constraints-dev.txt
	$(UV) pip install --quiet --compile-bytecode --require-hashes -r constraints-dev.txt
	@touch $@

constraints: .venv/bin/uv   ## resolve the pins anew
	$(UV) pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make constraints" pyproject.toml -o constraints.txt
	$(UV) pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make constraints" --group dev -c constraints.txt pyproject.toml -o constraints-dev.txt

clean:
	rm -rf .venv build dist src/didymos/service/static ui/node_modules
