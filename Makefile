# Python 3.11 or newer (with venv) and make are all this needs.
PYTHON ?= python3
BIN := .venv/bin/python
# Much of the suite waits for processes: two workers take 0.6 of the time on two cores.
PARALLEL ?= -n 2 --dist loadfile
PIP := $(BIN) -m pip --disable-pip-version-check -q

.PHONY: help run test check check-deep lint types contracts migrations format clean-venv

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: .venv/run.stamp ## Start everything on this machine: web, workers, clock (Ctrl-C stops it)
	@exec $(BIN) manage.py runall

test: .venv/dev.stamp ## Run the whole test suite
	@$(BIN) -m pytest -q $(PARALLEL) $(ARGS)

check: .venv/dev.stamp lint types contracts migrations test ## The merge gate: lint, types, imports, migrations, tests

check-deep: .venv/dev.stamp ## The suite with many more generated examples
	@HYPOTHESIS_PROFILE=deep $(BIN) -m pytest -q $(PARALLEL) $(ARGS)

lint: .venv/dev.stamp ## Formatting and lint
	@$(BIN) -m ruff format --check .
	@$(BIN) -m ruff check .

format: .venv/dev.stamp ## Format the code and mend what lint can mend
	@$(BIN) -m ruff format .
	@$(BIN) -m ruff check --fix .

types: .venv/dev.stamp ## Types
	@$(BIN) -m mypy .

contracts: .venv/dev.stamp ## Imports point down only
	@$(BIN) -c "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())" > .venv/contracts.log 2>&1 || { cat .venv/contracts.log; exit 1; }

migrations: .venv/dev.stamp ## No model change without its migration
	@DATA_DIR=.venv/check $(BIN) manage.py makemigrations --check --dry-run

clean-venv: ## Remove the virtual environment
	rm -rf .venv

# A stamp is written last, so an interrupted install is done again; an environment whose Python
# has gone is made anew. With the stamp there, nothing touches the network.
.venv/run.stamp: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python has no venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN) -c '' 2>/dev/null || { echo "Making the virtual environment …"; rm -rf .venv; $(PYTHON) -m venv .venv; }
	@echo "Installing packages …"
	@$(PIP) install -r requirements.txt
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.txt
	@echo "Installing what the tests need …"
	@$(PIP) install -r requirements-dev.txt
	@touch $@
