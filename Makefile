# Creel's commands. Each installs what it needs first (scripts/setup); nothing else is to be done by hand.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

STEP := scripts/step
BIN := $(or $(CARGO_TARGET_DIR),target)
ARGS ?=

WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules*' -not -path 'web/dist*')
WEB_BUILT := web/dist/.built
WEB_CHECKED := web/dist/.checked

.PHONY: help run build test lint dev bench clean setup-build setup-test setup-bench web-built web-checked

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

run: build ## build Creel and start it; ARGS="..." goes to `creel up`
	@exec $(BIN)/release/creel up $(ARGS)

build: setup-build ## build the console, then the binary (release)
	@$(MAKE) web-built
	@$(STEP) "creel: release build" cargo build --release -p creel

test: setup-test ## everything that CI tests, real Chromium and upstream OpenClaw included
	@$(MAKE) web-checked web-built
	@$(STEP) "console: unit tests" npm --prefix web test
	@$(STEP) "cargo test" scripts/test $(ARGS)

lint: setup-build ## formatting and lints; warnings are errors
	@$(STEP) "cargo fmt" cargo fmt --all --check
	@$(MAKE) web-checked web-built
	@$(STEP) "cargo clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
	@if command -v shellcheck >/dev/null; then $(STEP) "shellcheck" shellcheck -x scripts/setup scripts/step scripts/test scripts/dev scripts/linker scripts/function-order .ci/run; fi

dev: setup-build ## the console with hot reload against a running backend; ARGS="..." goes to `creel up`
	@exec scripts/dev $(ARGS)

bench: setup-bench ## native against upstream OpenClaw, a table and bench/results/; ARGS="--quick", "--only NAME"
	@$(MAKE) web-built
	@$(STEP) "release build" cargo build --release -p creel -p creel-bench
	@. scripts/env.sh; exec $(BIN)/release/creel-bench --creel $(BIN)/release/creel $(ARGS)

clean: ## remove what was built; data in ~/.creel and downloads in ~/.cache/creel stay
	@$(STEP) "cargo clean" cargo clean
	rm -rf web/dist web/node_modules tests/artifacts

setup-build setup-test setup-bench: setup-%:
	@scripts/setup $*

# `@:`, because make would say that there is nothing to be done.
web-built: $(WEB_BUILT)
	@:
web-checked: $(WEB_CHECKED)
	@:

# Only when a source changed. `web/dist` is what the binary embeds.
$(WEB_BUILT): $(WEB_SOURCES) web/node_modules/.package-lock.json
	@$(STEP) "console: build" npm --prefix web run build
	@touch $@

$(WEB_CHECKED): $(WEB_SOURCES) web/node_modules/.package-lock.json
	@$(STEP) "console: types" npm --prefix web run type-check
	@$(STEP) "console: lint" npm --prefix web run lint
	@mkdir -p $(@D) && touch $@
