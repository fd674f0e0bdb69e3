# Everything runs in .venv; each target sets it up if need be.
# The distribution's first: it is built with profiles, which makes everything a fifth faster. Debian
# ships it without what `venv` needs.
PYTHON ?= $(shell for each in /usr/bin/python3.11 python3.11 /usr/bin/python3 python3; do \
	$$each -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && exec echo $$each; done; echo python3)
BIN := .venv/bin
MEMBERS := protos producers gateway router edge console mesh clients/python
MANIFESTS := requirements.lock $(MEMBERS:%=%/pyproject.toml)
SOURCES := protos/kull_protos/contract protos/kull_protos/common protos/kull_protos/settings.py producers/kull_producers gateway/kull_gateway router/kull_router edge/kull_edge console/kull_console mesh/kull_mesh \
	clients/python/kull_client tests examples bench scripts
# Two for each of two cores: tests of processes wait as much as they work.
WORKERS ?= 4
WEB := clients/web
WEB_READY := $(WEB)/node_modules/.package-lock.json
NPM := $(shell command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' && echo yes)

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check lint format types unit simulate mutations chaos outage rolling bench bench-quick bench-smoke protos lock up down clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed ## Create .venv with everything pinned in requirements.lock

.venv/.installed: $(MANIFESTS)
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	$(BIN)/python -m compileall -q $(MEMBERS)  # else each start compiles them anew where writing bytecode is turned off
	@touch $@

demo: setup ## Follow a shoot on several devices and in your browser (PHOTOS=folder for your own pictures)
	@$(MAKE) --no-print-directory page || echo 'The demo goes on without building its page.' >&2
	@$(BIN)/kull demo $(if $(PHOTOS),--photos "$(PHOTOS)")

test: setup ## Run every test, Python and web; what they need is found or installed first
	@$(BIN)/python -m tests --workers $(WORKERS)

coverage: setup ## Run the Python tests and print what they cover, started processes included
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist loadgroup; code=$$?; \
	$(BIN)/coverage combine -q && $(BIN)/coverage report && $(BIN)/python scripts/pure_coverage.py && exit $$code

check: lint types unit ## Run what a commit must pass, without RabbitMQ or Docker
	@$(if $(wildcard $(WEB_READY)),cd $(WEB) && npm run --silent check,echo 'The web SDK was not checked: run `make web` once.')

lint: setup ## Check format, style, imports between packages, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python scripts/gen_protos.py --check
	$(BIN)/python scripts/gen_events.py --check
	$(BIN)/python scripts/gen_contract.py --check
	$(BIN)/python scripts/gen_schema.py --check
	$(BIN)/python scripts/gen_metrics.py --check
	$(BIN)/python scripts/version.py --check

format: setup ## Format the code and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: setup ## Check all types
	$(BIN)/mypy $(SOURCES)

unit: setup ## Run the unit tests, and the contract tests on the in-memory twins
	$(BIN)/pytest -q -n $(WORKERS) -m "not rabbitmq and not postgres and not compose" tests/unit tests/contract

simulate: setup ## Run the mesh on virtual time, with faults drawn from seeds (SEEDS=10000 STORE=sqlite)
	$(BIN)/python -W ignore -m tests.simulation --seeds $(or $(SEEDS),10000) --store $(or $(STORE),memory)

mutations: setup ## Break the code in one way after the other; each must be noticed
	$(BIN)/python -m tests.simulation.mutations

$(WEB_READY): $(WEB)/package-lock.json
	@$(if $(NPM),,echo 'The page and the web SDK need npm and Node 20.19 or later: install them.' >&2; exit 1)
	cd $(WEB) && npm ci

# The pages alone: what the Dockerfile, the wheels and `make demo` need of the web SDK.
PAGE := mesh/kull_mesh/play/pages/index.html
CONSOLE := console/kull_console/pages/index.html
PAGE_SOURCES := protos/kull_protos/contract protos/kull_protos/common $(shell find $(WEB)/apps $(WEB)/packages/*/src -type f -not -path '*/node_modules/*' 2>/dev/null)
.PHONY: page
page: $(PAGE) $(CONSOLE) ## Build the pages that `make demo`, `kull up` and the wheels carry; needs Node 20.19
	@:

$(PAGE): $(PAGE_SOURCES) | $(WEB_READY)
	cd $(WEB) && npm run --silent build -w @kull/demo -- --logLevel warn

$(CONSOLE): $(PAGE_SOURCES) | $(WEB_READY)
	cd $(WEB) && npm run --silent build -w @kull/console -- --logLevel warn

.PHONY: web play
web: setup $(WEB_READY) ## Build and test the web SDK and the demo page; needs Node 20.19 and Chromium
	cd $(WEB) && npm run build && npm run size && npm run packages && npm run lint && npm run types && npm run asyncapi && npm test -- $(VITEST)

play: setup page ## Open the page alone, without the shoot of `make demo`
	@$(BIN)/kull play

.PHONY: matrix
matrix: setup ## Run the tests on every Python and RabbitMQ found (PYTHONS="3.12 3.13" RABBITMQS="installed /path")
	$(BIN)/python -m tests.matrix --workers $(WORKERS) $(if $(PYTHONS),--pythons $(PYTHONS)) $(if $(RABBITMQS),--rabbitmqs $(RABBITMQS))

chaos: setup ## Kill and cut a mesh of real processes under load (MINUTES=10 SEED=n)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

cluster: setup ## The same over hosts whose links fail, with three RabbitMQ nodes; needs root (MINUTES=10 SEED=n)
	$(BIN)/python -m tests.cluster --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

outage: setup ## Take RabbitMQ away from a billing service with an outbox (SECONDS=60)
	$(BIN)/python bench/outbox_outage.py --seconds $(or $(SECONDS),60)
rolling: setup ## Restart three edges under load, and say what devices notice (DEVICES=3000)
	$(BIN)/python bench/rolling_restart.py $(if $(DEVICES),--devices $(DEVICES))

bench: .venv/.bench ## Measure us and the rivals on the same work (an hour, on a calm machine; RABBITMQ=/path)
	$(BIN)/python -m bench $(if $(RABBITMQ),--rabbitmq $(RABBITMQ))

bench-quick: .venv/.bench ## The same, small, to see that it runs (a few minutes)
	$(BIN)/python -m bench quick $(if $(RABBITMQ),--rabbitmq $(RABBITMQ)) --write $(or $(WRITE),build)

bench-smoke: .venv/.bench ## What this state costs beside an earlier one (three minutes; AGAINST=origin/main ROUNDS=2)
	$(BIN)/python -m bench --against $(or $(AGAINST),origin/main) --rounds $(or $(ROUNDS),2) --write $(or $(WRITE),build)

.PHONY: bench-rooms
bench-rooms: setup ## Measure what it costs to tell who is in a room (two minutes)
	$(BIN)/python -m bench.rooms

profile: .venv/.bench ## Say where the CPU of router and edge goes (LOAD=connects, reconnects, broadcasts, full, 200, 1000, 2000)
	$(BIN)/python -m bench.profile $(or $(LOAD),1000) $(if $(DEVICES),--devices $(DEVICES))

.venv/.bench: .venv/.installed bench/requirements.txt
	$(BIN)/pip install --quiet --require-hashes -r bench/requirements.txt
	$(BIN)/python -m compileall -q $(MEMBERS)  # else each start compiles them anew where writing bytecode is turned off
	@touch $@

protos: setup ## Generate the code of the .proto files
	$(BIN)/python scripts/gen_protos.py

.PHONY: contract
contract: setup ## Generate what SDKs and documents get of the contract between the parts
	$(BIN)/python scripts/gen_contract.py

.PHONY: events
events: setup ## Generate the publishers' methods and the web SDK's types from the models of events
	$(BIN)/python scripts/gen_events.py

.PHONY: schema
schema: events ## Generate docs/schema from the edge's messages and the events
	$(BIN)/python scripts/gen_schema.py

.PHONY: metrics alerts
metrics: setup ## Generate docs/metrics.md from the metrics that the code declares
	$(BIN)/python scripts/gen_metrics.py

alerts: setup ## Check the alert rules with promtool, which is built first (Go, a few minutes)
	KULL_TEST_BUILD_PROMTOOL=yes $(BIN)/pytest -q --timeout=900 tests/integration/test_promtool.py tests/unit/test_alerts.py

lock: setup ## Pin every dependency in requirements.lock
	./scripts/lock.sh
	./docker/lock.sh

up: ## Start the small production with Docker
	docker compose up --build --wait

down: ## Stop it; volumes are kept
	docker compose down

clean: ## Remove the environment, caches and build products
	rm -rf clients/web/node_modules clients/web/packages/*/dist mesh/kull_mesh/play/pages console/kull_console/pages
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
