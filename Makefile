# On a fresh machine with Python 3.10 to 3.13: `make demo` or `make test` do all the set-up.
.PHONY: help demo test check setup bench lock clean

help:
	@echo "make demo    the whole chain on rendered sample photos, offline: train, export, compare, bench, report, run"
	@echo "make test    all tests"
	@echo "make check   lint, format, types, and that all tests can be imported"
	@echo "make bench   the figures of benchmarks/RESULTS.md, on DATA=folder-of-photos"
	@echo "make clean   remove the environment and all caches of this checkout"

setup:
	@scripts/setup

demo: setup
	.venv/bin/edgecls demo
	@echo "To type edgecls yourself: . .venv/bin/activate"

test:
	scripts/test

check:
	scripts/check

bench: setup
	scripts/bench $(DATA)

lock:
	scripts/lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache dist
