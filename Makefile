# Python 3.11 or newer (with venv) and make are all this needs.
PYTHON ?= python3
BIN := .venv/bin/python
# Much of the suite waits for processes: two workers take 0.6 of the time on two cores. The order
# stays ours: what takes long first. A worker that dies would die of the same test again.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
PIP := $(BIN) -m pip --disable-pip-version-check -q

.PHONY: help run demo bench reference test check suites check-deep lint types contracts migrations format clean-venv

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: .venv/run.stamp ## Start everything on this machine: web, workers, clock (Ctrl-C stops it)
	@exec $(BIN) manage.py runall

demo: .venv/run.stamp ## Fill the demo workspace with life-like data, also while it runs
	@$(BIN) manage.py demo

test: .venv/dev.stamp ## Run the whole test suite (on DATABASE_URL and REDIS_URL when they are set)
	@$(BIN) -m pytest -q $(PARALLEL) $(ARGS)

bench: .venv/dev.stamp ## Measure it on PostgreSQL and Redis, each figure beside its reference (PARTS="media webhooks")
	@$(BIN) -m bench $(PARTS)

check: .venv/dev.stamp ## The merge gate: lint, types, imports, migrations, tests on both databases
	@$(MAKE) --no-print-directory -j2 lint types contracts migrations
	@$(MAKE) --no-print-directory suites

suites: .venv/dev.stamp ## The suite on SQLite, then on PostgreSQL and Redis, and what was covered
	@$(BIN) -m tests.rounds $(PARALLEL) $(ARGS)

check-deep: .venv/dev.stamp ## The suite with many more generated examples
	@HYPOTHESIS_PROFILE=deep $(BIN) -m pytest -q $(PARALLEL) -o faulthandler_timeout=1900 $(ARGS)

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

reference: .venv/run.stamp ## Write docs/reference from the code
	@DATA_DIR=.venv/check $(BIN) manage.py write_reference

clean-venv: ## Remove the virtual environment
	rm -rf .venv

# A stamp is written last, so an interrupted install is done again; an environment whose Python
# has gone is made anew. With the stamp there, nothing touches the network.
.venv/run.stamp: requirements.txt
	@$(MAKE) --no-print-directory .venv/made
	@echo "Installing packages …"
	@$(PIP) install -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements.txt requirements-dev.txt
	@$(MAKE) --no-print-directory .venv/made
	@echo "Installing packages, and what the tests need …"
	@$(PIP) install -r requirements-dev.txt
	@touch .venv/run.stamp $@

.PHONY: .venv/made
.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python has no venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN) -c '' 2>/dev/null || { echo "Making the virtual environment …"; rm -rf .venv; $(PYTHON) -m venv .venv; }
