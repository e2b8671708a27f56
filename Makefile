# `make demo` shows it, `make test` checks it. Each installs what is missing first.

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test test-all lint benchmarks setup setup-browser

demo: setup
	jupyter wasmwheel demo

# What the tests build stays in the clone, apart from the user's own.
test test-all benchmarks: export WASMWHEEL_HOME := $(CURDIR)/.make/home

test: setup-browser lint
	pytest -m "not slow"

test-all: setup-browser lint
	pytest

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports

benchmarks: setup-browser
	python benchmarks/first_build.py
	python benchmarks/checks_and_publish.py

setup:
	./setup.sh

setup-browser:
	./setup.sh --with-browser
