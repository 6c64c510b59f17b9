PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	command -v $$python >/dev/null && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PORT ?= 8000
BIN = .venv/bin

.PHONY: run test lint bench lock format messages

run: .venv/installed
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed_demo
	@echo "Sendable runs on http://127.0.0.1:$(PORT) (Ctrl-C stops it)"
	@exec $(BIN)/python -m config.run 127.0.0.1:$(PORT)

# On SQLite, then on PostgreSQL where it is installed. ARGS= are for pytest: make test ARGS=tests/contacts
test: .venv/installed
	SENDABLE_TEST_DATABASE=sqlite $(BIN)/pytest $(ARGS)
	SENDABLE_TEST_DATABASE=postgresql $(BIN)/pytest $(ARGS)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint templates
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed
	$(BIN)/python -m benchmarks

# Needs gettext (on Debian: apt-get install gettext). See docs/translating.md.
messages: .venv/installed
	$(BIN)/python manage.py makemessages --locale fr --add-location file --no-obsolete --no-wrap \
		--ignore .venv --ignore var --ignore tests --ignore benchmarks --ignore docs
	sed -i '/^"POT-Creation-Date/d' locale/fr/LC_MESSAGES/django.po
	$(BIN)/python manage.py compilemessages --locale fr --ignore .venv

lock:
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --group dev --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml -o requirements.lock

.venv/installed: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it (on Debian: apt-get install python3)."; exit 1; }
	@echo "Installing what Sendable needs into .venv (a minute or two, once)"
	@$(PYTHON) .ci/make_venv.py
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@
