# Thin on purpose: the program is `rehearse`; the host is prepared by docker/setup.sh.
#   make labs CLUSTER=mini KEEP=1 ARGS='--timings'
CLUSTER ?= auto
KEEP ?=
ARGS ?=
PROFILE ?= dev

REHEARSE := target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/rehearse
RUN = $(REHEARSE) run --cluster $(CLUSTER) $(if $(KEEP),--keep) $(ARGS)

LECTURE ?=
LABS ?=

.PHONY: help setup host build preflight labs check sabotage up down test lint lint-lecture bench clean

help: ## show this list
	@sed -n 's/^\([a-z][^:]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	    while IFS="$$(printf '\t')" read -r target text; do printf '  make %-12s %s\n' "$${target%\%}$$(case $$target in *%) echo N;; esac)" "$$text"; done
	@echo 'CLUSTER=auto|mini|kind|context:NAME  KEEP=1 (leave the stage up)  ARGS="…" (more for rehearse)'

setup: ## get what is missing: Docker Engine, kubectl, images (a second run does nothing)
	@$(MAKE) --no-print-directory -j2 host build
	@$(REHEARSE) setup

host:
	@docker/setup.sh

build:
	@cargo build --locked --profile $(PROFILE) $(BUILD_TARGETS)

preflight: build ## say what is there and what would be done, changing nothing
	@$(REHEARSE) preflight --cluster $(CLUSTER) $(ARGS)

labs: setup ## play all labs
	@$(RUN) all

lab-%: setup ## play one lab
	@$(RUN) $@

check: setup ## check a lecture: make check LECTURE=path
	@$(if $(LECTURE),,echo 'error: name a lecture: make check LECTURE=path/to/lecture.md' >&2; exit 2;) \
	$(REHEARSE) check $(LECTURE) --cluster $(CLUSTER) $(ARGS)

sabotage: setup ## break one thing at a time, and say whether the labs notice: make sabotage LABS='1 2'
	@$(REHEARSE) sabotage $(LABS) $(ARGS)

up: setup ## bring the stage up and leave it: registry, image, cluster
	@$(REHEARSE) up --cluster $(CLUSTER) $(ARGS)

down: build ## take the stage down, and whatever killed runs left
	@$(REHEARSE) down

# Tests ask more of some crates: built with them at once, what both need is compiled once.
test: export BUILD_TARGETS := --all-targets
test: setup ## test everything
	cargo test --locked

lint: ## formatting, clippy, shell scripts, the oldest Rust, licenses
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@if command -v shellcheck >/dev/null; then shellcheck docker/setup.sh docker/stand-in/*.sh; \
	else echo 'skipped: shellcheck is not installed'; fi
	@oldest=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml); \
	if cargo "+$$oldest.0" --version >/dev/null 2>&1; then cargo "+$$oldest.0" check --locked --target-dir target/oldest; \
	else echo "skipped: Rust $$oldest, the oldest that is to do, is not installed"; fi
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo 'skipped: cargo-deny is not installed'; fi

lint-lecture: build ## say what is wrong with LECTURE=path, a file or a folder, playing nothing
	@$(REHEARSE) lint $(LECTURE) $(ARGS)

bench: setup ## play all labs and print where the time went
	@$(RUN) --timings all

clean: ## remove what was built here, with reports, and a stage that is up; images stay
	cargo clean
	rm -rf .tools
