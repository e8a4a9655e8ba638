# What to type: `make demo` watches it work, `make test` proves that it does. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?=
BENCH ?=
FUZZ ?=
ACCURACY ?=
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo run test check accuracy bench fuzz long messages lock clean

help:
	@echo 'make demo    screen real files in a made-up group chat (make demo DEMO=--exit ends by itself)'
	@echo 'make test    run the tests'
	@echo 'make run     run the bot with config/ and LAZARETTO_TOKEN'
	@echo 'make check   ruff, mypy --strict (for Linux, Windows and macOS), import-linter'
	@echo 'make accuracy   the labelled corpus, held against what was reached (LAZARETTO_CORPUS names it)'
	@echo 'make bench   speed and memory, as ratios to hashing, inflating and a virus scanner in the same run'
	@echo 'make fuzz    fuzz every validator, led by coverage (make fuzz FUZZ=--help)'
	@echo 'make long    the full-size campaigns'
	@echo 'make messages   bring the message catalogues up to date with what the code says'
	@echo 'make lock    renew requirements/*.txt (needs uv)'

setup: $(VENV)/.ready

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    || { echo 'Python 3.11 or newer is missing: install it, or say where it is: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	    || { echo 'Python has no venv module: install it (on Debian and Ubuntu: the package python3-venv)'; exit 1; }
	@echo 'Setting up $(VENV) (once) ...'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/lazaretto demo $(DEMO)

run: setup
	@$(BIN)/lazaretto run

test: setup
	@$(BIN)/python -m pytest -n auto $(PYTEST)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 bot validators
	$(BIN)/mypy --platform darwin bot validators
	$(BIN)/lint-imports

accuracy: setup
	@$(BIN)/python -m benchmarks.accuracy $(ACCURACY)

bench: setup
	@$(BIN)/python -m benchmarks $(BENCH)

# Atheris is installed when it is wanted: there is no build of it for every machine.
fuzz: setup
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
	    || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@$(BIN)/python tests/fuzz/guided.py $(FUZZ)

long: setup
	@$(BIN)/python -m pytest -n auto -m 'long or not long' --timeout 3600 $(PYTEST)
	@$(BIN)/python tests/fuzz/mutate.py --seconds 900
	@$(MAKE) fuzz FUZZ='--seconds 1800'

messages: setup
	@$(BIN)/python docs/update_messages.py

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --extra emulator --extra web pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --extra emulator --extra web --group dev pyproject.toml -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    requirements/fuzz.in -o requirements/fuzz.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    requirements/build.in -c requirements/dev.txt -o requirements/build.txt

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
