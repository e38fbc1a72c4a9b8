# Every target works as the first command on a fresh machine: scripts/bootstrap installs what is missing, once.
# What bootstrap and the tests print goes to stdout, so that stderr carries make's own messages alone.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench clean distclean
MAKEFLAGS += --no-print-directory

bin := .venv/bin
ARGS ?=
# Lab tests wait more than they compute: three processes, each with a cluster of its own, keep two cores busy.
side_by_side := -n 3 --dist loadfile

help:
	@echo 'make setup      install what is missing: Debian packages (as root) and .venv; nothing else needs it first'
	@echo 'make demo       a private Slurm cluster with example agents, and the console on it; leaves nothing behind'
	@echo 'make test       all tests; some of them:  make test ARGS="tests/unit -k slurm"'
	@echo 'make check      ruff and mypy --strict'
	@echo 'make bench      the measurements behind the numbers in README.md'
	@echo 'make clean      remove caches and build products; make distclean removes .venv as well'

setup:
	@scripts/bootstrap setup 2>&1

demo:
	@scripts/bootstrap demo 2>&1
	@$(bin)/sactui demo $(ARGS)

test:
	@scripts/bootstrap test 2>&1
	@$(bin)/python -m pytest $(if $(ARGS),$(ARGS),$(side_by_side)) 2>&1

check:
	@scripts/bootstrap check 2>&1
	@$(bin)/ruff check . 2>&1
	@$(bin)/mypy --strict 2>&1

bench:
	@scripts/bootstrap bench 2>&1
	@$(bin)/python -m benchmarks $(ARGS) 2>&1

clean:
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis snapshot_report.html
	@find . -path ./.git -prune -o -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

distclean: clean
	@rm -rf .venv
