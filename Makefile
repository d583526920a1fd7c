# make demo     three videos from enqueue to file, against a fake of the service
# make site     a site that makes videos, with worker and fake: forms, status, player
# make test     every test, in JOBS=4 processes; ARGS="-k ticket" goes to pytest
# make test-long   what takes minutes, besides: waits of the real length, benchmarks
#               that begin; half an hour
# make fuzz     what `make test` tries 500 times, 20,000 times: some minutes
# make chaos    1,000 jobs and every fault, on Redis and RabbitMQ: two hours, and
#               ARGS="--quick" for the kills alone, with 300 jobs: twenty minutes
# make audit    known vulnerabilities of what is installed, by the public database
# make bench    what it costs, measured: an hour; make bench-quick, three minutes
# make check    lint, formatting, types, floors, dependencies, docs
# make docs     the documentation, into build/site
# make matrix   the core of the tests on each Celery, Django and Python; noxfile.py
# make dist     wheel and sdist, into dist
# make format   what `make check` asks for, as far as a machine can do it
#
# The environment is .venv; it is brought up to date when pyproject.toml changes.
# PYTHON=/path/to/python chooses the interpreter of a new one.

VENV ?= .venv
PYTHON ?=
ARGS ?=
JOBS ?= 4
BIN = $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: audit bench bench-quick chaos check demo dist docs faketime format fuzz matrix services site test test-long
.DEFAULT_GOAL := check

demo: $(VENV)/.ok
	@$(BIN)/python examples/demo.py $(ARGS)

site: $(VENV)/.ok
	@$(BIN)/python examples/django_site/run.py

test: $(VENV)/.ok services
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder \
		$(if $(CI),--reruns 2) $(ARGS)

# Outages of half a minute, the lease of a submission; each benchmark at its least.
test-long: $(VENV)/.ok services
	$(BIN)/python -m pytest -m long $(ARGS)

# The laws over what comes from outside: answers, ids, requests, settings.
fuzz: $(VENV)/.ok
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n $(JOBS) -m hypothesis --timeout 3600 \
		tests/unit $(ARGS)

chaos: $(VENV)/.ok services faketime
	$(BIN)/python -m tests.chaos.run $(ARGS)

# Reports go to build/bench; `python -m benchmarks.page` writes them into the docs.
bench: $(VENV)/.ok services
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(VENV)/.ok services
	$(BIN)/python -m benchmarks --quick $(ARGS)

audit: $(VENV)/.ok
	$(BIN)/pip-audit --skip-editable

check: $(VENV)/.ok docs
	$(BIN)/python -m ruff check --quiet
	$(BIN)/python -m ruff format --check --quiet
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive phanedge_celery

# Strict: a dead link, a page outside the navigation or a missing snippet is an error.
docs: $(VENV)/.ok
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

dist: $(VENV)/.ok
	@rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m twine check --strict dist/*

# One after the other, those whose interpreter is on PATH (with CI set, all).
matrix: $(VENV)/.ok services
	$(BIN)/python -m nox $(if $(CI),--error-on-missing-interpreters) $(ARGS)

format: $(VENV)/.ok
	$(BIN)/python -m ruff check --quiet --fix-only
	$(BIN)/python -m ruff format

$(VENV)/.ok: pyproject.toml
	@echo "Making the environment $(VENV): a minute, once."
	@if ! command -v uv >/dev/null; then $(with_pip); elif ! { $(with_uv); }; then \
		echo "uv could not make it; now with pip."; $(with_pip); fi
	@touch $@

WANTED = -e '.[all]' --group dev

with_uv = uv venv --quiet --allow-existing $(if $(PYTHON),--python $(PYTHON)) $(VENV) \
	&& uv pip install --quiet --python $(BIN)/python $(WANTED)

# A new environment may carry a pip that does not know --group.
with_pip = $(find_python); set -e; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV); \
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'; \
	$(BIN)/python -m pip install --quiet $(WANTED)

# Debian's own python3 has no ensurepip until python3-venv is installed.
find_python = for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.10 ""; do \
		if "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' \
			2>/dev/null; then break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "No Python 3.10 or newer that can make an environment was found on PATH." >&2; \
		echo "Install one (Debian: apt-get install python3-venv), or uv, or say" >&2; \
		echo "  make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi

# Servers that the tests start for themselves, each on a free port. Only root on Debian
# gets them installed; for anyone else a test without its server skips (with CI set it
# fails) and says what to install. PostgreSQL refuses to run as root, and its package
# also brings the user that it then runs as. RUNLEVEL keeps apt from starting services.
services:
	@[ "$$(id -u)" = 0 ] && [ -e /etc/debian_version ] || exit 0; \
	PATH="$$PATH:/usr/sbin:/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' :)"; missing=; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	command -v rabbitmq-server >/dev/null || missing="$$missing rabbitmq-server"; \
	command -v postgres >/dev/null || missing="$$missing postgresql"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	[ -n "$$missing" ] || exit 0; \
	echo "Installing with apt-get, for the tests:$$missing"; \
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
	{ apt-get update -qq && \
	  apt-get install -qq -y --no-install-recommends $$missing; } >/dev/null \
	|| echo "apt-get failed; the tests will say what they miss." >&2

# Steps the clock of a chaos run's workers, and no other's.
faketime:
	@[ "$$(id -u)" = 0 ] && [ -e /etc/debian_version ] || exit 0; \
	ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || \
	apt-get install -qq -y --no-install-recommends libfaketime >/dev/null
