# The front door. Each target sets up what it needs in .venv, from nothing but Python 3.11+ and make.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= auto

.PHONY: help env demo test check coverage bench soak gallery docs format lint types imports clean

# `make demo "a red sailboat"`: what follows the target is the prompt, never another target, whatever it is called; and a prompt
# with an equals sign in it, which make takes for a variable, is a prompt all the same
ifeq (demo,$(firstword $(MAKECMDGOALS)))
ASKED := $(wordlist 2,999,$(MAKECMDGOALS))
PROMPT ?= $(if $(ASKED),$(ASKED),$(filter-out PYTHON=% WORKERS=%,$(MAKEOVERRIDES)))
export PROMPT

demo: .venv/server
	@$(BIN)/python scripts/demo.py

.DEFAULT: ; @:
else
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

env: .venv/server ## make the environment: .venv/bin/calotype exists afterwards

demo: ## make demo "a red sailboat on the sea at sunset": a server, one real job, a picture on disk
	@$(MAKE) --no-print-directory demo

test: .venv/dev ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

check: .venv/dev format lint types imports docs test coverage ## all of it: format, lint, types, imports, docs, tests (what CI runs)

coverage: .venv/dev ## do its tests take every branch of the way out?
	$(BIN)/python -m pytest -q tests/unit/test_outbound.py --cov=calotype.outbound --cov-branch --cov-report=term-missing --cov-fail-under=100

format: .venv/dev ## is the code formatted?
	$(BIN)/ruff format --check .

lint: .venv/dev ## ruff
	$(BIN)/ruff check .

types: .venv/dev ## mypy, strict
	$(BIN)/mypy

imports: .venv/dev ## do imports run down the walk?
	$(BIN)/lint-imports --no-cache

docs: .venv/dev ## are the printed pages up to date? (WRITE=1 writes them)
	$(BIN)/python scripts/docs.py $(if $(WRITE),--write,--check)

bench: .venv/dev ## speed, as ratios inside one run → bench/latest.json
	$(BIN)/python -m bench.run

soak: .venv/dev ## the long fault counts
	$(BIN)/python scripts/soak.py

gallery: .venv/dev ## contact sheets of the engines → docs/gallery
	$(BIN)/python scripts/gallery.py
	$(BIN)/python scripts/gallery_cutouts.py
	$(BIN)/python scripts/clips.py
	$(BIN)/python scripts/gallery_products.py
	$(BIN)/python scripts/gallery_music.py
	$(BIN)/python scripts/gallery_sprites.py

clean: ## remove the environment and what the demo left
	rm -rf .venv .calotype demo

endif

.venv/python:
	@test -n "$(PYTHON)" || { echo "Calotype needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The venv module is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	@touch $@

.venv/server: .venv/python pyproject.toml constraints.txt data/pyproject.toml
	$(PIP) install --quiet --progress-bar on -c constraints.txt -e ./data -e '.[server]'
	@touch $@

.venv/dev: .venv/server
	$(PIP) install --quiet --progress-bar on -c constraints.txt -e ./data -e '.[server,dev]'
	@touch $@
