# make demo: the whole line, from feeds to a digest in an outbox.   make test: every test.   make lint: every linter.
# make bench: what is claimed of quality and speed, measured, with its page.   make chaos: sending, killed again and
# again.   make scale: sending by several workers of a Prefect server.
# make soak: everything at once for half an hour.   make tools: what proves emails.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test proofs lint bench chaos scale soak format lock tools clean

demo: .venv/demo
	$(BIN)/verdicts demo --no-open

# Three at once on two cores: some tests only wait.
test: .venv/dev
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not thorough"

# The same proofs once more, of other kinds and at length: some minutes.
proofs: .venv/dev
	$(BIN)/python -m pytest -n 3 --dist worksteal -m thorough

# Everything that is claimed of quality and speed, measured beside what else does the same; writes docs/benchmarks.md and
# its figures in README. Some forty minutes; ONLY="gathering sending" runs these again. Scores of launches need the
# labelled feeds, official MJML `make tools`.
bench: .venv/bench
	$(BIN)/python -m tests.benchmarks $(foreach name,$(ONLY),--only $(name))

# Hundreds of sending processes killed, by both senders on both databases: who got what in the end. Some twenty minutes.
chaos: .venv/dev
	$(BIN)/python -m tests.chaos --kills 300
	$(BIN)/python -m tests.chaos --kills 150 --seed 1000 --postgresql
	$(BIN)/python -m tests.chaos --kills 100 --sender smtp
	$(BIN)/python -m tests.chaos --kills 100 --seed 1000 --sender smtp --postgresql

# A real Prefect server, PostgreSQL and workers; an edition for 200,000 by one, two and four of them, one of them killed.
scale: .venv/dev
	$(BIN)/python -m tests.scale
	$(BIN)/python -m tests.scale --connections 2

# `verdicts serve` for half an hour with everything at once: its memory, errors, and whether what was promised was kept.
soak: .venv/dev
	$(BIN)/python -m tests.soak --minutes 30

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What is installed is pinned by name, version and hash, nothing else is looked for; the package itself is linked, so
# edits count at once.
.venv/demo: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev: requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@ .venv/demo

# What benchmarks are compared with, which nothing else needs.
.venv/bench: requirements-bench.lock .venv/dev
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-bench.lock
	touch $@

# Names, versions and hashes only: no lock may record where a package was downloaded.
lock:
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --constraint requirements.lock --extra build --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --constraint requirements-dev.lock --extra build --extra dev --extra bench pyproject.toml -o requirements-bench.lock

# Needs node and npm. Scripts of packages stay off: one would download a Java where there is none.
tools: tests/tools/node_modules/.package-lock.json

tests/tools/node_modules/.package-lock.json: tests/tools/package-lock.json
	npm ci --prefix tests/tools --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis verdicts-demo tests/tools/node_modules
