# make app: set up and start the app. make test: set up and run all tests; make quick: the quick ones.
# make space: build the Space. make pictures: take the screenshots. make site: build the documentation site.
# ARGS is passed on. Python 3.11 to 3.13.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
.PHONY: app test quick soak bench lint audit space pictures site clean

app: $(VENV)/app.done
	$(BIN)/python app.py $(ARGS)

SLOW = slow or browser or real or detectron2 or alone
# parallel workers with several torch threads each would wait for each other
PARALLEL = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --dist worksteal
# without this, every process of the tests would compile every module again
test quick: export PYTHONDONTWRITEBYTECODE =

# tests that measure time or memory run last, alone
test: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@failed=0; \
	$(PARALLEL) -n 2 --durations 20 -m "not alone" || failed=1; \
	$(BIN)/python -m pytest -m alone || failed=1; \
	exit $$failed
endif

quick: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PARALLEL) -q -n auto --maxprocesses 4 -m "not ($(SLOW))" $(ARGS)

# many good and bad clients at once, for five minutes
soak: $(VENV)/dev.done
	SOAK_SECONDS=$${SOAK_SECONDS:-300} $(BIN)/python -m pytest tests/interface/test_soak.py $(ARGS)

# speed on this machine: make bench ARGS="first metadata --json bench.json"
bench: $(VENV)/dev.done
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# licences of all installed packages, and known vulnerabilities where the database can be reached
COPYLEFT = GPL-2.0-only;GPL-2.0-or-later;GPL-3.0-only;GPL-3.0-or-later;AGPL-3.0-only;AGPL-3.0-or-later;SSPL-1.0;\
GNU General Public License v2 (GPLv2);GNU General Public License v3 (GPLv3);GNU Affero General Public License v3
audit: $(VENV)/app.done
	$(BIN)/python -m pip install -q pip-audit pip-licenses
	$(BIN)/pip-licenses --from mixed --fail-on "$(COPYLEFT)"
	$(BIN)/pip-audit --local

# make space ARGS="--upload OWNER/NAME"
space: $(VENV)/app.done
	$(BIN)/python -m tools.build_space $(ARGS)

# make pictures ARGS="--only explore"
pictures: $(VENV)/dev.done
	$(BIN)/python -m tools.screenshots $(ARGS)

# into build/site
site: $(VENV)/dev.done
	$(BIN)/python -m mkdocs build --strict $(ARGS)

clean:
	rm -rf $(VENV) build

$(VENV)/venv.done:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; this is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# on Linux the CPU wheels of pre-requirements.txt are 5 GB smaller, but not every network reaches their index
INDEX = $(shell sed -n 's/^--extra-index-url //p' pre-requirements.txt)
REACHABLE = import urllib.request; urllib.request.urlopen('$(INDEX)/torch/', timeout=2)
$(VENV)/torch.done: $(VENV)/venv.done requirements.txt pre-requirements.txt
	@if [ "$$(uname)" = Linux ] && [ "$(TORCH)" != cuda ] && $(BIN)/python -c "$(REACHABLE)" 2>/dev/null; then \
	  echo "torch: CPU wheels (0.2 GB). For a GPU: make clean, then TORCH=cuda make app"; \
	  $(BIN)/python -m pip install -r pre-requirements.txt; \
	else echo "torch: wheels of the package index (up to 5 GB on Linux)"; fi
	touch $@

$(VENV)/app.done: $(VENV)/torch.done requirements.txt
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/dev.done: $(VENV)/torch.done requirements.txt requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	touch $@ $(VENV)/app.done
