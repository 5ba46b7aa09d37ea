# `make run` sets everything up and does the main job; `make test` proves it. Nothing else has to be installed.
.PHONY: help setup run check test test-busy mutants lint audit bench docs down clean

WAREHOUSE := .venv/bin/warehouse

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup:  ## Install everything into .venv
	@requirements/install
	@test -f profiles.yml || cp profiles.example.yml profiles.yml

run: setup  ## From the operational database to verified deliveries
	@$(WAREHOUSE) run

lint: setup  ## Ruff, the type checker and sqlfluff
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/sqlfluff lint models --disable-progress-bar

check: setup  ## The quick half of the tests, for while you work
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pytest -m "not slow" -n 2 --dist loadfile

# Three at once on two cores: much of a test's time is spent waiting for a server, or for a program to end.
test: lint  ## Everything
	.venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder

test-busy: setup  ## A part of the tests beside a busy loop per core: make test-busy TESTS="tests/python/drills"
	.venv/bin/python -m tests.python.worlds.busy .venv/bin/pytest $(or $(TESTS),tests/python/worlds)

mutants: setup  ## Whether the models' tests can fail: make mutants MODELS="fct_route dim_person" PER_MODEL=5 SEED=7
	.venv/bin/python -m mutants $(MODELS) $(if $(PER_MODEL),--per-model $(PER_MODEL)) $(if $(SEED),--seed $(SEED))

audit: setup  ## Licences of what is installed; ADVISORIES=FOLDER compares it with advisories, too
	.venv/bin/python -m requirements.supply licences
	$(if $(ADVISORIES),.venv/bin/python -m requirements.supply advisories $(ADVISORIES))

bench: setup  ## Speed, as ratios taken in one run: make bench PEOPLE=1000000 ONLY=build,as_at
	.venv/bin/python -m bench $(if $(PEOPLE),--people $(PEOPLE)) $(if $(ONLY),--only $(ONLY))

down:  ## Stop the embedded databases
	@$(WAREHOUSE) down

clean: down  ## Throw away the embedded databases and the deliveries
	rm -rf .warehouse deliveries

docs: setup  ## Write the reference pages anew
	.venv/bin/python -m docs.reference
