# Every target sets up what it needs: `make demo` and `make test` work from a bare clone.
# PYTHON chooses the interpreter for a new environment: make demo PYTHON=python3.12

# The first that runs and is of a version that TensorFlow 2.19 knows; a name alone may be a version manager's stand-in.
PYTHON ?= $(shell for name in python3.12 python3.11 python3 python; do \
	$$name -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& { echo $$name; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
DEMO := runs/demo
# A process of their own: they import other command modules than the rest, and absl knows each flag once.
APART := tests/web tests/export/test_tfjs_bundle.py

include web/web.mk

.PHONY: demo test test-all lint format bench clean help
.DEFAULT_GOAL := help

help:            ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(INSTALLED): requirements.lock requirements-tfjs.lock setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || \
		{ echo "error: Python 3.11 or 3.12 is needed; name one with make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@echo "setting up $(VENV) (once; a few minutes and 4 GB)" >&2
	@"$(PYTHON)" -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement requirements.lock \
		--requirement requirements-tfjs.lock
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) web  ## train on the sample corpus for a few minutes, write a passage, build the page
	@if [ -f $(DEMO)/finished ]; then echo "$(DEMO) is trained already; remove it to train again" >&2; \
	else $(RUN) -m tf_gpt2.train --run_dir=$(DEMO) && touch $(DEMO)/finished; fi
	@$(RUN) -m tf_gpt2.sample --run_dir=$(DEMO) --prompt="却说曹操" --max_new_tokens=200 --seed=1
	@$(RUN) -m export.site --run_dir=$(DEMO) --output=$(DEMO)/site
	@echo "to open the page: make serve, then http://localhost:8000" >&2

test: $(INSTALLED) lint web browser web-test  ## lint and all tests but the slow ones
	@$(RUN) -m pytest -m "not slow" $(APART:%=--ignore=%)
	@$(RUN) -m pytest -m "not slow" $(APART)

test-all: $(INSTALLED) lint web browser web-test  ## every test
	@$(RUN) -m pytest $(APART:%=--ignore=%)
	@$(RUN) -m pytest $(APART)

lint: $(INSTALLED) web-lint  ## checks and format of Python and the page, nothing changed
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

format: $(INSTALLED)  ## put the code into ruff's format
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: $(INSTALLED) web browser  ## every benchmark, peers included; each ends in one JSON line
	@for name in corpus train generate load serving browser; do $(RUN) -m benchmarks.$$name || exit 1; done

clean:           ## remove the environments; runs stay
	rm -rf .venv .venv-peers .venv-node web/node_modules web/dist
