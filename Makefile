# Two commands do everything on a bare Debian 12: `make demo` and `make test`.
PYTHON ?= python3
IN_VENV := .venv/bin/python
export PYTHON

.PHONY: demo test test-long random bench lint setup clean

demo: setup  ## a trained network of the zoo, from .h5 to a verdict in GHDL
	$(IN_VENV) -m zoo.digits build/digits
	$(IN_VENV) -m frontend zoo/models/digits_cnn.h5 -o build/demo --simulate --frames 50 \
		--calibrate build/digits/calibration.npz --test build/digits/test.npz

test: setup  ## lint, types and all tests of the short profile
	$(IN_VENV) -m pytest

test-long: setup  ## more examples, more stalls, bigger networks
	$(IN_VENV) -m pytest --long

random: setup  ## as many random networks as you like: make random N=200
	$(IN_VENV) -m tests.random_networks --count $(or $(N),200)

bench: setup  ## seconds, memory and cycles of the zoo
	$(IN_VENV) -m tests.benchmark

setup:
	@tools/setup

clean:
	rm -rf build out vunit_out .pytest_cache .mypy_cache .ruff_cache
