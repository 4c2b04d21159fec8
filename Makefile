# Every target makes its own set-up; nothing needs an activated environment. See CONTRIBUTING.md.
.DEFAULT_GOAL := help
.PHONY: help setup lock demo test test-all lint docs sanity findings-table units sandbox-tests coverage services integration molecule cores postgres-versions contracts contract bench-secrets bench-pg bench-redis count-requests fleet package clean

BIN := .venv/bin
TREE := .ansible/collections
COLLECTION := $(TREE)/ansible_collections/flyover/heroku_to_fly
# Unit tests alone use hypothesis, which takes a second to import.
PYTEST := PYTHONPATH=$(TREE) $(BIN)/python -m pytest -q -p no:cacheprovider -p no:hypothesispytest
# Nothing that a test runs may read or write the user's own Ansible files.
export ANSIBLE_HOME := $(CURDIR)/.ansible/home/.ansible
export PATH := $(CURDIR)/$(BIN):$(PATH):$(CURDIR)/.tools/flyctl
# Hundreds of Pythons run below; each would compile the same files again.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.ansible/compiled

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: .venv/ready ## build .venv, with everything that the other targets need

.venv/ready: tests/requirements.txt tests/tools/setup
	@tests/tools/setup

lock: setup ## pin what make setup installs, with hashes: tests/requirements.in to tests/requirements.txt
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--custom-compile-command 'make lock' tests/requirements.in --output-file tests/requirements.txt

demo: setup ## move the sandbox's app: audit, rehearsal, cut-over, second run, report
	@tests/tools/demo

test: ## all tests that fit into 15 minutes on 2 cores: the targets from lint to molecule, side by side
	@"$$(tests/tools/find-python)" tests/tools/stages

test-all: ## and the slow ones, on every supported ansible-core
	@"$$(tests/tools/find-python)" tests/tools/stages --slow
	@$(MAKE) cores postgres-versions

lint: setup ## layers, sizes, words, ruff, mypy, yamllint, ansible-lint, documentation and changelog
	$(BIN)/python tests/tools/layers
	$(BIN)/python tests/tools/sizes
	$(BIN)/python tests/tools/words
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	cd $(TREE) && MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/.mypy.ini --cache-dir $(CURDIR)/.mypy_cache \
		--explicit-package-bases -p ansible_collections.flyover.heroku_to_fly.plugins
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --profile production
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --check-extra-docs-refs .
	$(BIN)/antsibull-changelog lint

sanity: setup ## ansible-test sanity; imports with the oldest and the newest Python, ARGS=--all imports with all of them
	tests/tools/ansible-test sanity $(if $(ARGS),,--skip-test import)
ifndef ARGS
	PYTHONS="3.9 $$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" tests/tools/ansible-test sanity --test import
endif

findings-table: setup ## each rule about an app's source, with what it finds in its examples, or in the folders of ARGS
	PYTHONPATH=$(TREE) $(BIN)/python tests/tools/findings-table $(ARGS)

units: setup ## ansible-test units
	tests/tools/ansible-test units --python $$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

contracts: setup ## our requests against the platforms' published schemas, where FLYOVER_CONTRACTS names their folder
	$(PYTEST) $(COLLECTION)/tests/contract

contract: setup ## the same with the platforms' own clients, which npm and go install into .tools
	tests/tools/platform-clients
	$(PYTEST) -rs $(COLLECTION)/tests/contract $(COLLECTION)/tests/unit/plugins/modules/test_fly_toml_corpus.py

sandbox-tests: setup ## the sandbox itself
	$(PYTEST) tests/sandbox/tests

.PHONY: round-trip
round-trip: setup ## any SQL files as sources of a copy: copied, compared, unchanged, updated; ARGS="FILE FOLDER", or "--help"
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.services.round_trips $(ARGS)

coverage: setup ## lines of the plugins that units and services reach, merged; fails below 90 percent
	@tests/tools/coverage

services: setup ## modules against real PostgreSQL and Redis servers
	$(PYTEST) --numprocesses 2 --dist loadfile $(COLLECTION)/tests/services

integration: ## whole playbooks against the sandbox
	@"$$(tests/tools/find-python)" tests/tools/stages integration

molecule: setup ## the role in a molecule scenario, verified with testinfra; ARGS=--all plays all scenarios
	$(BIN)/molecule reset --all  # an earlier run counts as prepared, though its sandbox is gone
	$(BIN)/molecule test $(or $(ARGS),--scenario-name default)

.PHONY: targets
targets: setup ## ansible-test integration: each module against a sandbox; ARGS="fly_app fly_secrets" chooses some
	tests/tools/targets $(ARGS)

bench-secrets: setup ## hostile config vars through the guide's pipes and through this collection, as a table
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.secrets

bench-pg: setup ## ways to copy a database, compared in a table; ARGS="--help" lists its options
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.postgres $(ARGS)

bench-redis: setup ## ways to copy a Redis, compared in a table; ARGS="--help" lists its options
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.redis $(ARGS)

bench-hash: setup ## the checksum of rows beside one of their text, as a table; ARGS="--help" lists its options
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.row_hash $(ARGS)

count-requests: setup ## HTTP requests of audit, rehearsal, cut-over and second run, as a table
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.requests

docs: setup ## the documentation as a site, in .tools/docs/html
	@tests/tools/docs

fleet: setup ## audits of many apps at once: seconds, requests and Heroku's limit, as a table; ARGS="--apps 50"
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.fleet $(ARGS)

.PHONY: screenshots
screenshots: setup ## pages and terminal screens of real runs as pictures, looked at by axe-core; needs Chromium and npm; ARGS=--write
	@tests/tools/screenshots $(ARGS)

postgres-versions: setup ## the database modules from PostgreSQL 15 and 16 to 16 and 18, whose servers npm installs into .tools
	tests/tools/postgres-versions

cores: setup ## unit and playbook tests on each supported ansible-core
	tests/tools/cores

.PHONY: bench-window
bench-window: setup ## the freeze window by phase, as a table; ARGS="--help" lists its options
	PYTHONPATH=$(TREE) $(BIN)/python -m ansible_collections.flyover.heroku_to_fly.tests.benchmarks.window $(ARGS)

package: setup ## build the collection's archive, say what is in it, and run galaxy-importer on it
	@tests/tools/package

clean: ## remove everything that these targets made
	rm -rf .venv .ansible .demo .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
