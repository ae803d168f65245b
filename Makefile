# Thin on purpose: every target sets up what it needs in .venv and runs one tool. `make help` lists them.
# PYTHON picks the interpreter of a new .venv, and VENV another folder for it; PYTHONS those of test-pythons; ARGS goes to pytest; DEMO_SECONDS sets the length of the demo.

PYTHON ?= python3
DEMO_SECONDS ?= 60
ARGS ?=
PYTHONS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
# One universal resolution serves every Python the package supports; the markers in the lock pick the right pins.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --upgrade

export DEMO_SECONDS VENV

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check test-slow check-slow test-pythons bench bench-check bench-scrub fleet golden lock sbom real-parts newest-parts collector clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.demo ## watch the example program with everything on (DEMO_SECONDS=60; Ctrl-C ends it cleanly)
	@trap : INT; $(BIN)/python -m csg_otel demo || [ $$? -eq 130 ]

# Three processes, because the tests wait more than they compute; those of one file stay together and share their fixtures.
# Compiled before, because the tests start a thousand programs, also where PYTHONDONTWRITEBYTECODE is set.
test: $(VENV)/.dev $(if $(filter true,$(CI)),real-parts) ## run the tests (ARGS="tests/health -k hung" picks some)
	@collector-config/build >/dev/null || true
	@.ci/neighbours >/dev/null || true
	@.ci/node-parts >/dev/null || true
	@.ci/gitleaks >/dev/null || true
	@$(BIN)/python -m compileall -q src tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

check: $(VENV)/.dev ## lint, format, types, import contracts, known vulnerabilities: exactly what CI checks
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@PYTHONPATH=tests $(BIN)/python -m supply.audit

test-slow: $(VENV)/.dev ## run the soak, load and fuzz tests
	@collector-config/build >/dev/null || true
	@.ci/neighbours >/dev/null || true
	@$(BIN)/python -m pytest -m slow $(ARGS)

check-slow: test-slow bench-check ## what takes too long for every change: the slow tests, and the ratios against the peers

test-pythons: ## run the tests that need no real part on every Python found, 3.10 and up (PYTHONS="3.10 3.13" picks)
	@ARGS='$(ARGS)' .ci/pythons $(PYTHONS)

bench: $(VENV)/.dev ## measure against the peers in one run, print a table, write bench-results.json
	@.ci/neighbours >/dev/null || true
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

bench-check: $(VENV)/.dev ## fail where a ratio is above 1.5 x its target, or x what was reached
	@.ci/neighbours >/dev/null || true
	@PYTHONPATH=tests $(BIN)/python -m bench --check

bench-scrub: $(VENV)/.dev ## recall, false positives and cost of the scrubber beside gitleaks, detect-secrets and logfire
	@.ci/gitleaks >/dev/null || true
	@.ci/neighbours >/dev/null || true
	@PYTHONPATH=tests $(BIN)/python -m privacy_corpus $(ARGS)

fleet: $(VENV)/.dev collector ## start N programs against one collector, print spans/s, its CPU and memory for each N
	@PYTHONPATH=tests $(BIN)/python -m bench.fleet $(ARGS)

golden: $(VENV)/.dev ## write the golden files again; read the diff before you commit it
	@$(BIN)/python -m pytest --update-golden $(ARGS)

lock: $(VENV)/.dev ## resolve the newest allowed versions into requirements/*.lock, with hashes, and write the SBOM
	@$(COMPILE) --no-annotate pyproject.toml -o requirements/runtime.lock
	@$(COMPILE) --no-annotate pyproject.toml --extra tui -c requirements/runtime.lock -o requirements/tui.lock
	@$(COMPILE) pyproject.toml --all-extras -c requirements/tui.lock -o requirements/extras.lock
	@$(COMPILE) --no-annotate --group build -c requirements/extras.lock -o requirements/build.lock
	@$(COMPILE) --no-annotate pyproject.toml --group dev -c requirements/extras.lock -c requirements/build.lock -o requirements/dev.lock
	@$(COMPILE) --no-annotate pyproject.toml --group neighbours -o requirements/neighbours.lock
	@PYTHONPATH=tests $(BIN)/python -m supply.sbom

sbom: $(VENV)/.dev ## write the bill of materials that the wheel carries, from requirements/*.lock
	@PYTHONPATH=tests $(BIN)/python -m supply.sbom

newest-parts: ## build the newest Prometheus and Alertmanager for tests, once (needs Go)
	@.ci/go-parts
	@.ci/rule-files >/dev/null || true  # without them, their tests say so and are skipped

real-parts: ## install the servers and tools some tests run against (root on Debian only)
	@.ci/real-parts

collector: ## build the OpenTelemetry Collector of collector-config, once, and print where it is
	@collector-config/build

clean: ## remove everything made here
	@if [ -e $(VENV)/.made ] || [ -e $(VENV)/.making ]; then rm -rf $(VENV); fi
	@rm -rf .venvs build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache bench-results.json bench-scrub-results.json
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: made once, made again when a lock or the project's metadata changes. A folder without any of them is the work of a user.
$(VENV)/.made:
	@[ ! -e $(VENV) ] || [ -e $(VENV)/.making ] \
		|| { echo '$(VENV) was not made by make, and stays as it is: choose another folder (make VENV=.venvs/make ...), or move it away'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo '$(PYTHON) is too old or missing: Python 3.10 or newer is needed (make PYTHON=python3.12 ...)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo '$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)'; exit 1; }
	@echo 'Setting up $(VENV) ...'
	@mkdir -p $(VENV) && touch $(VENV)/.making
	@$(PYTHON) -m venv $(VENV)
	@mv $(VENV)/.making $@

$(VENV)/.runtime: $(VENV)/.made requirements/runtime.lock requirements/build.lock pyproject.toml
	@$(PIP) --require-hashes -r requirements/runtime.lock
	@$(PIP) --require-hashes -r requirements/build.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# What the demo tells you to call: the dashboard in the terminal.
$(VENV)/.demo: $(VENV)/.runtime requirements/tui.lock
	@$(PIP) --require-hashes -r requirements/tui.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@
