# Every target sets up what it needs: `make demo` and `make test` work from a bare clone.
# PYTHON chooses the interpreter for a new environment: make demo PYTHON=python3.12
# GPU=1 installs TensorFlow with CUDA: make demo GPU=1

# The first that runs and is of a version that TensorFlow knows; a name alone may be a version manager's stand-in.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo $$name; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python
LOCK := $(if $(filter 1,$(GPU)),gpu,core)
# What writing and training need, and on top of it what tests and lint need.
CORE := $(VENV)/$(LOCK)
INSTALLED := $(VENV)/dev
# TensorFlow.js's converter needs an old TensorFlow and a hundred packages of its own: an environment of its own.
TFJS := .venv-tfjs
# Apache Beam wants an older protobuf than the one that is usual with TensorFlow.
BEAM := .venv-beam
OLDEST := .venv-oldest
NEWEST := .venv-newest
UV := .venv-uv/bin/uv
DEMO := runs/demo
# Two processes, a file of tests in one of them: most of the time goes into starting and tracing, on one core each.
# They take the files in the order of tests/conftest.py.
SHARED := -n 2 --dist loadfile --no-loadscope-reorder
QUICK := "not slow and not browsers and not tfjs and not beam"
# Compiled at once, as pip does: TensorFlow alone has thousands of modules, and some users forbid Python to write.
LOCKED := --quiet --compile-bytecode --require-hashes --requirements

include web/web.mk

.PHONY: env demo fuzz pictures tfjs beam test test-all test-oldest test-newest lint format bench wheel locks clean help
.DEFAULT_GOAL := help

help:            ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

# uv installs in half of pip's time, and brings a Python to a machine that has none of the versions asked for.
$(UV): requirements/uv.lock
	@name="$(PYTHON)"; for other in python3 python; do [ -n "$$name" ] || ! $$other -c 'import ensurepip' 2>/dev/null \
		|| name=$$other; done; \
		[ -n "$$name" ] || { echo "error: no Python with ensurepip is there (on Debian: apt install python3-venv); name" \
			"one with make PYTHON=/path/to/python3" >&2; exit 2; }; \
		"$$name" -m venv .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements/uv.lock
	@touch $@

# $(call environment,folder,python,lock): a new environment, with pip (the sample corpus comes by it); uv finds the Python or, where there is none, fetches it.
define environment
	@echo "setting up $(1) (once)" >&2
	@$(UV) venv --quiet --seed --allow-existing --python "$(2)" $(1)
	@$(UV) pip install --python $(1) $(LOCKED) requirements/$(3).lock
	@$(UV) pip install --python $(1) --quiet --no-deps --no-build-isolation --editable .
	@touch $(1)/$(3)
endef

$(CORE): $(UV) requirements/$(LOCK).lock requirements/uv.lock setup.cfg setup.py pyproject.toml
	$(call environment,$(VENV),$(or $(PYTHON),3.13),$(LOCK))

$(INSTALLED): $(CORE) requirements/dev.lock
	@echo "adding what the tests need to $(VENV) (once)" >&2
	@$(UV) pip install --python $(VENV) $(LOCKED) requirements/dev.lock
	@touch $@

$(TFJS)/tfjs: $(UV) requirements/tfjs.lock setup.cfg setup.py pyproject.toml
	$(call environment,$(TFJS),3.11,tfjs)

$(BEAM)/beam: $(UV) requirements/beam.lock setup.cfg setup.py pyproject.toml
	$(call environment,$(BEAM),3.11,beam)

$(OLDEST)/oldest: $(UV) requirements/oldest.lock setup.cfg setup.py pyproject.toml
	$(call environment,$(OLDEST),3.11,oldest)

$(NEWEST)/dev: $(UV) requirements/dev.lock setup.cfg setup.py pyproject.toml
	$(call environment,$(NEWEST),3.13,dev)

env: $(CORE) web  ## the environment and the built page, all that the commands need: .venv/bin/python -m tf_gpt2.train

demo: $(CORE) web  ## train on the sample corpus for a few minutes, write a passage, build the page
	@if [ -f $(DEMO)/finished ]; then echo "$(DEMO) is trained already; remove it to train again" >&2; \
	else $(RUN) -m tf_gpt2.train --run_dir=$(DEMO) && touch $(DEMO)/finished; fi
	@$(RUN) -m tf_gpt2.sample --run_dir=$(DEMO) --prompt="却说曹操" --max_new_tokens=200 --seed=1
	@$(RUN) -m export.site --run_dir=$(DEMO) --output=$(DEMO)/site
	@echo "to open the page: make serve, then http://localhost:8000" >&2

test: $(INSTALLED) $(TFJS)/tfjs lint web browser web-test  ## lint and all tests but the slow ones
	@$(RUN) -m pytest $(SHARED) -m $(QUICK)
	@$(TFJS)/bin/python -m pytest -m tfjs

test-all: $(INSTALLED) $(TFJS)/tfjs $(BEAM)/beam lint web browsers web-test  ## every test, and those of both ends: TensorFlow 2.19, 2.21
	@$(RUN) -m pytest $(SHARED) -m "not tfjs and not beam"
	@$(TFJS)/bin/python -m pytest -m tfjs
	@$(BEAM)/bin/python -m pytest -m beam
	@$(MAKE) --no-print-directory test-oldest test-newest

test-oldest: $(OLDEST)/oldest web browser  ## the tests but the slow ones: Python 3.11, TensorFlow 2.19
	@$(OLDEST)/bin/python -m pytest $(SHARED) -m $(QUICK)

test-newest: $(NEWEST)/dev web browser  ## the tests but the slow ones: Python 3.13, TensorFlow 2.21
	@$(NEWEST)/bin/python -m pytest $(SHARED) -m $(QUICK)

fuzz: $(INSTALLED)  ## give every reader damaged files: make fuzz CASES=2000 SEED=0; ends in one JSON line
	@$(RUN) -m tests.fuzz --cases=$(or $(CASES),2000) --seed=$(or $(SEED),0)

pictures: $(INSTALLED) browser  ## take the pictures of README and docs from the demo's site; needs a Chinese font
	@$(RUN) docs/take_pictures.py --site=$(DEMO)/site

tfjs: $(TFJS)/tfjs  ## the environment for export.tfjs --graph_model: .venv-tfjs/bin/python -m export.tfjs

beam: $(BEAM)/beam  ## the environment for tf_gpt2.prepare --runner: .venv-beam/bin/python -m tf_gpt2.prepare

lint: $(INSTALLED) web-lint  ## checks, types and format of Python and the page, nothing changed
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: $(INSTALLED)  ## put the code into ruff's format
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: $(INSTALLED) web browser  ## every benchmark, peers included; each ends in one JSON line
	@for name in corpus train generate load serving browser; do $(RUN) -m benchmarks.$$name || exit 1; done

wheel: $(UV) web  ## build dist/*.whl, the page inside
	@rm -rf build/lib
	@$(UV) build --quiet --wheel --python "$(or $(PYTHON),3.13)" --out-dir dist .
	@ls dist/*.whl

# Hash-pinned, for all systems at once. What a lock has stays while setup.cfg's ranges allow it; remove it to renew all.
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links
locks: $(UV)     ## resolve setup.cfg's ranges into requirements/*.lock
	@$(UV) $(COMPILE) requirements/uv.in --output-file requirements/uv.lock
	@$(UV) $(COMPILE) setup.cfg --output-file requirements/core.lock
	@$(UV) $(COMPILE) setup.cfg --extra dev --constraints requirements/core.lock --constraints requirements/uv.lock \
		--output-file requirements/dev.lock
	@$(UV) $(COMPILE) setup.cfg --extra gpu --constraints requirements/core.lock --output-file requirements/gpu.lock
	@$(UV) $(COMPILE) setup.cfg --extra dev --constraints requirements/oldest.in --constraints requirements/uv.lock \
		--output-file requirements/oldest.lock
	@$(UV) $(COMPILE) setup.cfg --extra tfjs --extra test --output-file requirements/tfjs.lock
	@$(UV) $(COMPILE) setup.cfg --extra beam --extra test --output-file requirements/beam.lock

clean:           ## remove the environments; runs stay
	rm -rf .venv .venv-* build dist web/node_modules web/firefox/node_modules web/dist
