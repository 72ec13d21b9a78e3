# `make demo` and `make test` each set up what they need, on Debian and Ubuntu down to the system packages.
bin := .venv/bin

.NOTPARALLEL:
.PHONY: help demo test test-long test-stress soak fuzz bench bench-peers bench-decoders bench-estimate bench-analysis bench-memory bench-outputs bench-pictures bench-sound bench-batch clean

help:
	@echo "make demo       set up, make the footage of examples/hello, and export it to out/hello.mp4"
	@echo "make test       set up, then check format, lint, types and tests"
	@echo "make test-long  the same with the long tests"
	@echo "make bench      time reelmill against ffmpeg, melt, MoviePy and movis (an hour; writes docs/internals/performance.md)"
	@echo "make bench-peers     install MoviePy and movis for it, in out/bench"
	@echo "make bench-decoders  time V2 against V1 (minutes; writes docs/internals/performance.md)"
	@echo "make bench-estimate  hold estimates and times left against what exports take (minutes; writes docs/internals/performance.md)"
	@echo "make bench-pictures  time the picture pipeline beside Pillow and swscale (a minute; writes docs/internals/performance.md)"
	@echo "make bench-sound     time mixing and decoding of sound, beside ffmpeg (minutes; prints tables)"
	@echo "make bench-outputs   time six outputs of one pass against an export for each (minutes; prints a table)"
	@echo "make bench-memory    export a film a hundred times in one process (minutes; prints what memory it holds)"
	@echo "make bench-analysis  time the analysis of sound in processes against one process (20 minutes; prints a table)"
	@echo "make bench-batch     time a batch of 200 films in two processes against one, kill and resume it (20 minutes; prints a table)"
	@echo "make fuzz       try mutated projects and media (a minute, or FUZZ=\"--seconds 3600\"; keeps faulty ones in out/fuzz)"
	@echo "make test-stress  render with locks that sleep at random (3 minutes, or STRESS=\"--seconds 1800\")"
	@echo "make soak         kill, interrupt and repeat exports (minutes, or SOAK=\"signals --count 300\")"
	@echo "make clean      remove what these commands made: .venv, footage, films, caches"

demo:
	@echo "setting up; what that prints goes to out/setup.log"
	@mkdir -p out
	@.ci/setup.sh run >out/setup.log 2>&1 || { tail -n 20 out/setup.log; echo "setting up failed: see out/setup.log"; exit 1; }
	@$(bin)/python examples/make_media.py --of examples/hello/project.json
	@$(bin)/reelmill export examples/hello/project.json out/hello.mp4 --force
	@echo "The film: $(CURDIR)/out/hello.mp4"

test: lint
	$(bin)/pytest -n auto -m "not slow"

test-long: lint
	$(bin)/pytest -n auto

.PHONY: lint
lint:
	@.ci/setup.sh test
	$(bin)/ruff format --check
	$(bin)/ruff check
	$(bin)/mypy

# For parts of it: make bench BENCH="--scene S2 --rounds 1 --peers ffmpeg"
BENCH ?= --docs docs/internals/performance.md
bench:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.against_others $(BENCH)

bench-peers:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.peers out/bench

bench-decoders:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.shared_decoders --docs docs/internals/performance.md

bench-estimate:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.estimate --docs docs/internals/performance.md

bench-outputs:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.outputs

bench-pictures:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.pictures --docs docs/internals/performance.md

bench-sound:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.sound

bench-memory:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.many_exports

bench-analysis:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.analysis

bench-batch:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.batch

# For an hour: make fuzz FUZZ="--seconds 3600 --seed 1"; one case again: make fuzz FUZZ="--only project-1-123"
FUZZ ?= --seconds 60
fuzz:
	@.ci/setup.sh test
	$(bin)/python -m tests.fuzz $(FUZZ)

# One round again: make test-stress STRESS="--seed 77 --rounds 1"
STRESS ?= --seconds 180
test-stress:
	@.ci/setup.sh test
	$(bin)/python -m tests.stress $(STRESS)

# One kind: make soak SOAK="signals --count 300", "descriptors --count 1000" or "exports --count 200"
soak:
	@.ci/setup.sh test
	$(bin)/python -m tests.soak $(SOAK)

clean:
	rm -rf .venv out build dist *.egg-info examples/media
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
