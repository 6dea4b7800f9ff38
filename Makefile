# make demo | make test | make test-long | make lint | make clean
# Everything is installed into .venv from constraints.txt; nothing else is needed but Python 3.11.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
DEMO    = examples/cloudmax

.PHONY: demo test test-long lint env dev clean

demo: env
	$(BIN)/kefu run $(DEMO)

test: dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not long" -n 2 --dist loadfile

test-long: dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

env: $(VENV)/.env-ready
dev: $(VENV)/.dev-ready

# torch first and alone: the pinned CPU build; any other way pulls gigabytes of CUDA libraries.
$(VENV)/.env-ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no python3 found; install Python 3.11 or set PYTHON=/path/to/python"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; set PYTHON=/path/to/python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) -e '.[all]'
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.env-ready
	$(PIP) -e '.[all,dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO)/build $(DEMO)/models.yaml
