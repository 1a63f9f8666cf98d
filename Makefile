# Everything runs from .venv, which .ci/setup makes: `make run` installs the run-time set, the checks install the
# rest too. A stamp file says that an install came to its end, so later calls cost next to nothing.

CONFIG ?= configs/flights.yaml
ARGS ?=
ONLY ?=
SEED ?=
SCALE ?= 1
PATIENCE ?= 1
VENV ?= .venv
PYTHON ?=

bin := $(VENV)/bin
run_stamp := $(VENV)/run.stamp
dev_stamp := $(VENV)/dev.stamp
locker := build/lock/bin

.DEFAULT_GOAL := help
.PHONY: help run test torture lint format types imports check lock hooks clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(run_stamp) ## run a job: make run CONFIG=configs/flights.yaml ARGS="--fresh"
	@$(bin)/pipeline run $(CONFIG) $(ARGS)

test: $(dev_stamp) ## run the tests: make test ARGS="tests/console -k limit"
	@$(bin)/python -m pytest $(ARGS)

torture: $(dev_stamp) ## faults against real runs, for an hour or two: make torture ONLY=kills,faults SEED=1 SCALE=0.1
	@$(bin)/python -m tests.torture --scale $(SCALE) --patience $(PATIENCE) $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

lint: $(dev_stamp) ## ruff: rules and layout
	@$(bin)/ruff check
	@$(bin)/ruff format --check

format: $(dev_stamp) ## ruff: mend what it can mend
	@$(bin)/ruff check --fix
	@$(bin)/ruff format

types: $(dev_stamp) ## mypy, strict
	@$(bin)/mypy

imports: $(dev_stamp) ## who may import whom
	@$(bin)/lint-imports

check: lint types imports test ## all of the above: what must pass before a commit is shared

lock: ## choose the pinned versions anew, on the oldest Python that we support
	@python3.11 -m venv build/lock
	@$(locker)/pip install -q pip-tools
	@$(call compile,requirements.txt)
	@$(call compile,requirements-dev.txt,--extra dev --constraint requirements.txt)

hooks: ## let git run the checks: lint, types and imports at a commit, tests at a push
	@git config core.hooksPath .githooks

clean: ## forget the environment and the caches; results and state stay
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find pipeline tests -name __pycache__ -prune -exec rm -rf {} +

# Where to download from is the affair of each machine, so no index is written down; the hashes hold for all of them.
define compile
$(locker)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --build-deps-for editable \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file $(1) $(2) pyproject.toml
endef

$(run_stamp): requirements.txt pyproject.toml
	@.ci/setup $(VENV) requirements.txt "$(PYTHON)" >&2
	@touch $@

$(dev_stamp): requirements-dev.txt pyproject.toml
	@.ci/setup $(VENV) requirements-dev.txt "$(PYTHON)" >&2
	@touch $(run_stamp) $@
