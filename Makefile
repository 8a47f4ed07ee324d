# Two commands on a fresh machine: `make demo` and `make test`. Only python3 ≥ 3.11 with pip, and make, are assumed.
.PHONY: demo test check lint proof bench setup format words clean
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN = $(UV) run --frozen

demo: setup            ## a whole day on embedded parts, in ./newsletter-demo
	.venv/bin/newsletter demo newsletter-demo  # as a newcomer would call it, so what it says to type works as it stands

test: setup            ## all tests but the long proofs
	$(RUN) pytest -q -n auto --dist worksteal -m "not proof"

check: lint            ## the quick loop: format, lint, types, imports, fast tests
	$(RUN) pytest -q -n auto --dist worksteal -m "not proof and not slow and not browser and not postfix"

lint: setup            ## what can be said without running anything: format, lint, types, imports
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports

proof: setup           ## the long proofs: kills, restarts, full disks, days of real feeds, a million rows
	$(RUN) pytest -q -n auto --dist worksteal -m proof

bench: setup           ## ratios against references measured in the same run
	$(RUN) python -m benchmarks

format: setup
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

words: setup           ## collect the words that readers see, for the catalogues of all languages
	$(RUN) pybabel extract -F babel.cfg -k say -k marked --no-location --sort-output --project newsletter --version 1 \
	  --copyright-holder "the authors of newsletter" --msgid-bugs-address "the issue tracker" -w 110 -o newsletter/locale/newsletter.pot .
	$(RUN) pybabel update -D newsletter -d newsletter/locale -i newsletter/locale/newsletter.pot --no-fuzzy-matching --ignore-obsolete -w 110
	sed -i '/^"POT-Creation-Date: /d' newsletter/locale/newsletter.pot newsletter/locale/*/LC_MESSAGES/newsletter.po  # else no two runs are alike

setup: $(UV)
	@$(UV) sync --frozen --quiet --compile-bytecode

.tools/bin/uv:
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target .tools uv

clean:
	rm -rf .venv .tools dist build newsletter-demo .pytest_cache .mypy_cache .ruff_cache
