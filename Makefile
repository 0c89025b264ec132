# Two commands do everything on a bare Debian 12: `make demo` and `make test`.
PYTHON ?= python3
JOBS ?= 2
IN_VENV := .venv/bin/python
export PYTHON

# What the packages would keep in the home folder stays beside them.
export KERAS_HOME := $(CURDIR)/.venv/home/keras
export MPLCONFIGDIR := $(CURDIR)/.venv/home/matplotlib
export YOWASP_CACHE_DIR := $(CURDIR)/.venv/home/yowasp
export ORT_DISABLE_TELEMETRY := 1

.PHONY: demo test test-long random bench lint setup clean

demo: setup  ## a trained network of the zoo, from .h5 to a verdict in GHDL
	$(IN_VENV) -m zoo.demo

test: setup  ## lint, types and all tests of the short profile, in JOBS processes
	$(IN_VENV) -m pytest -n $(JOBS) --dist worksteal

test-long: setup  ## more examples, more stalls, bigger networks
	$(IN_VENV) -m pytest -n $(JOBS) --dist worksteal --long

random: setup  ## as many random networks as you like: make random N=500
	$(IN_VENV) -m tests.random_networks --count $(or $(N),200) --jobs $(JOBS)

bench: setup  ## seconds, memory and cycles of the zoo; how fast netlists are; elements and networks beside the peers; frame intervals; clock speed; how costs grow
	$(IN_VENV) -m tests.benchmark
	$(IN_VENV) -m tests.benchmark --netlist
	$(IN_VENV) -m tests.peers
	$(IN_VENV) -m tests.peer_networks --write
	$(IN_VENV) -m tests.intervals --write
	$(IN_VENV) -m tests.folding_line --write
	$(IN_VENV) -m tests.clock --write
	$(IN_VENV) -m tests.scaling --write

lint: setup  ## only lint and types
	$(IN_VENV) -m pytest -q tests/test_structure.py

setup:
	@tools/setup

clean:
	rm -rf build out vunit_out .pytest_cache .mypy_cache .ruff_cache
