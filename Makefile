# make demo   a whole simulated session in front of you
# make test   the whole test suite, by two processes at once (WORKERS=0: by one, with its output as it comes)
# Both rest on `make setup`: .venv with the package and all extras at the versions of constraints.txt; quick when nothing changed.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.10 python3; do command -v $$p && break; done)
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done

.PHONY: demo test bench lint setup system schema clean

demo: setup
	@$(BIN)/rtfmri demo $(ARGS)

test: setup
	@sh .ci/system-packages tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

bench: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,bench]"
	$(BIN)/python -m pytest tests/benchmarks -o addopts="" -o faulthandler_timeout=0 -p no:cacheprovider -s --benchmark-disable-gc $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: system $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "rtfmri needs Python 3.10, 3.11 or 3.12 with venv: install python3.11 and python3.11-venv."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' || { echo "rtfmri needs Python 3.10, 3.11 or 3.12; $(PYTHON) is another one. Say which: make PYTHON=python3.11"; exit 2; }
	@echo "Setting up $(VENV): about three minutes the first time."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing: install python3.11-venv."; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all]"
	@touch $@

system:
	@sh .ci/system-packages display

clean:
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

schema: setup
	$(BIN)/python -c "import json; from rtfmri.messages import wire_schema; print(json.dumps(wire_schema(), indent=1))" > rtfmri/messages.schema.json
