# Each target sets up what is missing (a no-op the second time), then runs one Python program.

SHELL := /bin/sh
PYTHON := .venv/bin/python
SETUP := @functions_py/local/setup.sh

# `make <target> PG=17` takes that Postgres instead of the newest installed one, and fetches it if it is missing.
export PG

.PHONY: help demo up down env types migration test proofs lint ci model crash coverage mutate
.NOTPARALLEL:

help:
	@echo 'make demo   make videos on this machine: no Docker, no cloud account; Ctrl-C leaves nothing running'
	@echo 'make up     start the local stack and leave it running; make down stops it'
	@echo 'make env    how to reach the running stack, as NAME=value lines'
	@echo 'make types  write the types of supabase/types anew, after a change of the schema'
	@echo 'make migration NAME=add_favourites   what leads from the migrations to sql/schema, as a new one to be edited'
	@echo 'make test   everything that must pass before a push;  make lint  the static checks alone'
	@echo 'make proofs the slow tests: load, large files, outages;  make ci  all of that, on every Postgres'
	@echo 'make model  random histories against a model of the books; ARGS=--help says what each takes'
	@echo 'make crash  a thousand tasks while workers, Postgres, Storage and Google die'
	@echo 'make coverage  which statements the suite runs;  make mutate  whether it notices when one is wrong'
	@echo 'Each takes PG=17 for the Postgres of a hosted project instead of the newest one installed.'

demo:
	$(SETUP)
	@exec $(PYTHON) -m functions_py.local.demo

up down env:
	$(SETUP)
	@exec $(PYTHON) -m functions_py.local $@

types:
	$(SETUP)
	@exec $(PYTHON) -m functions_py.local.client_types

migration:
	$(SETUP)
	@exec $(PYTHON) -m functions_py.local.migration '$(NAME)'

test:
	$(SETUP)
	@exec $(PYTHON) -m tests.run

proofs: export BROWSER = yes
proofs:
	$(SETUP)
	@exec $(PYTHON) -m tests.run --slow

ci:
	$(SETUP)
	@exec $(PYTHON) -m tests.ci

lint:
	$(SETUP)
	@exec $(PYTHON) -m tests.run --lint

model crash coverage mutate:
	$(SETUP)
	@exec $(PYTHON) -m tests.$@ $(ARGS)
