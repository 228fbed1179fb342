# make app: set up and start the app. make test: set up and pass the tests; make quick: those that take a moment.
# make space: build the folder for Spaces. make pictures: take the screenshots of the documents anew.
# make site: the documents as a site.
# Python 3.11 to 3.13.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
.PHONY: app test quick soak bench lint audit space pictures site clean

app: $(VENV)/app.done
	$(BIN)/python app.py $(ARGS)

# what tests have none of these markers needs neither patience nor Chromium, HAM10000 or detectron2
NEEDY = slow or browser or real or detectron2 or alone
# where it is set, every process of the tests would compile every test and module of ours anew
test quick: export PYTHONDONTWRITEBYTECODE =
# two at a time; what counts time or memory, last and alone. ARGS goes to pytest in place of all that
test: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@failed=0; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not ($(NEEDY))" || failed=1; \
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 20 -m "($(NEEDY)) and not alone" || failed=1; \
	$(BIN)/python -m pytest -m alone || failed=1; \
	exit $$failed
endif

# ruff, mypy on mat_core, and the tests that take a moment: a minute
quick: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal -m "not ($(NEEDY))" $(ARGS)

# many clients at once, good and bad, for five minutes: its figures are in its output
soak: $(VENV)/dev.done
	SOAK_SECONDS=$${SOAK_SECONDS:-300} $(BIN)/python -m pytest tests/interface/test_soak.py $(ARGS)

# how fast it all is on this machine: make bench ARGS="first metadata --json bench.json"
bench: $(VENV)/dev.done
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(VENV)/dev.done
	$(BIN)/python -m pip install -q pip-audit
	$(BIN)/python -m tools.audit

space: $(VENV)/app.done
	$(BIN)/python -m tools.space $(ARGS)

# the screenshots of docs/images, taken anew from the running app: make pictures ARGS="--only explore"
pictures: $(VENV)/dev.done
	$(BIN)/python -m tools.pictures $(ARGS)

# the documents as a small site in build/site; what does not fit together is told, and nothing is asked from elsewhere
site: $(VENV)/dev.done
	$(BIN)/python -m mkdocs build --strict $(ARGS)

clean:
	rm -rf $(VENV) build

$(VENV)/venv.done:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; this is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# the CPU's wheels of torch first, where they are to be had: see tools/torch_wheels.py
$(VENV)/torch.done: $(VENV)/venv.done requirements.txt pre-requirements.txt
	@first=$$($(BIN)/python -m tools.torch_wheels); \
	  if [ -n "$$first" ]; then $(BIN)/python -m pip install -r "$$first"; fi
	touch $@

$(VENV)/app.done: $(VENV)/torch.done requirements.txt
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/dev.done: $(VENV)/torch.done requirements.txt requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	touch $@ $(VENV)/app.done
