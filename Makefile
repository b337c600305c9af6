# Each command makes .venv by itself: run the demonstration, run the tests, check the sources, measure (some 25 minutes).

PYTHON ?= python3
READY := .venv/.ready

.PHONY: run test check check-js bench

run: $(READY)
	@exec .venv/bin/visavis up --demo

test: $(READY)
	.venv/bin/pytest -n 3 --dist loadfile

check: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@$(MAKE) --no-print-directory check-js

bench: $(READY)
	@mkdir -p bench-reports
	.venv/bin/visavis bench peers --json bench-reports/peers.json --html bench-reports/peers.html
	.venv/bin/visavis bench forwarding --direct --calls 1,10,50,100,200,400 \
		--json bench-reports/forwarding.json --html bench-reports/forwarding.html

# Users need no Node: only this check does, and only `VISAVIS_REQUIRE=all` insists on it.
check-js:
	@if command -v npm >/dev/null; then \
		{ [ node_modules/.ready -nt package.json ] || \
			{ npm install --no-save --no-package-lock --no-audit --no-fund --loglevel=error && touch node_modules/.ready; }; } \
		&& echo "npx --no-install tsc -p tsconfig.json" && npx --no-install tsc -p tsconfig.json; \
	elif [ "$$VISAVIS_REQUIRE" = all ]; then \
		echo "JavaScript type check: npm is missing, and VISAVIS_REQUIRE=all asks for everything." >&2; exit 1; \
	else \
		echo "JavaScript type check left out: npm is not installed."; \
	fi

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Visavis needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	@if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" .venv && \
		uv pip install --quiet --python .venv/bin/python -c constraints.txt -e '.[scale,test]'; \
	else \
		$(PYTHON) -m venv .venv && \
		.venv/bin/pip install --quiet -c constraints.txt -e '.[scale,test]'; \
	fi
	@touch $@
