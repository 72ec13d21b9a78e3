# `make demo` and `make test` each set up what they need, on Debian and Ubuntu down to the system packages.
bin := .venv/bin

.NOTPARALLEL:
.PHONY: help demo test test-long bench-decoders clean

help:
	@echo "make demo       set up, make the footage of examples/hello, and export it to out/hello.mp4"
	@echo "make test       set up, then check format, lint, types and tests"
	@echo "make test-long  the same with the long tests"
	@echo "make bench-decoders  time V2 against V1 (minutes; prints tables)"
	@echo "make clean      remove what these commands made: .venv, footage, films, caches"

demo:
	@.ci/setup.sh run
	@$(bin)/python examples/make_media.py
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

bench-decoders:
	@.ci/setup.sh test
	$(bin)/python -m tests.benchmarks.shared_decoders

clean:
	rm -rf .venv out build dist *.egg-info examples/media
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
