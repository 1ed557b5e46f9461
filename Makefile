PYTHON ?= python3
.DEFAULT_GOAL := help
# Three rows of tests side by side. One talks with real servers against the clock; the others are patient, and give way to it (not
# wholly: at the lowest priority they stand still beside a busy machine). What touches the database runs once more on PostgreSQL, but
# for what is marked `once`.
DATABASE_TESTS = tests/sessions tests/monitoring tests/pages
PATIENT_TESTS = $(DATABASE_TESTS) tests/launch tests/agent/builtin tests/agent/answers tests/test_architecture.py
.PHONY: help run test test-clock test-patient test-postgres bench lint format lock

help:  ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## (.*)/  make \1\t\2/' | expand -t 16

run:  ## install what is missing, start everything, print a sign-in link (AVATARY_HOME, AVATARY_PORT, PROVIDERS=standin); Ctrl-C ends it
	@$(PYTHON) -m launch.install && exec .venv/bin/python -m launch

test:  ## install what is missing, run all tests (make test TESTS=tests/launch for some)
	@$(PYTHON) -m launch.install --dev
	@if [ -n "$(TESTS)" ]; then exec .venv/bin/python -m pytest $(TESTS); \
	else exec $(MAKE) --no-print-directory --jobs=3 --keep-going test-clock test-patient test-postgres; fi

test-clock:
	@exec .venv/bin/python -m pytest tests $(PATIENT_TESTS:%=--ignore=%)

test-patient:
	@nice -n 10 .venv/bin/python -m pytest $(PATIENT_TESTS)

test-postgres:
	@nice -n 10 .venv/bin/python -m tests.on_postgres $(DATABASE_TESTS)

bench:  ## measure on this machine, print medians and 95th percentiles, write JSON
	@$(PYTHON) -m launch.install --dev && exec .venv/bin/python -m benchmarks

lint:  ## ruff, mypy and Django's deployment checks
	@$(PYTHON) -m launch.install --dev --packages-only
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy .
	.venv/bin/python -m pytest tests/test_architecture.py
	AVATARY_PUBLIC_URL=https://avatary.example DJANGO_SECRET_KEY=$$(.venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
		.venv/bin/python manage.py check --deploy --fail-level WARNING

format:  ## let ruff put the code in order
	@$(PYTHON) -m launch.install --dev --packages-only && .venv/bin/ruff check --fix . && .venv/bin/ruff format .

lock:  ## pin anew all that requirements.in and requirements-dev.in ask for
	@$(PYTHON) -m launch.install --dev --packages-only
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header requirements.in -o requirements.txt
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header requirements-dev.in -o requirements-dev.txt
