# Every target makes its own set-up first. On a fresh machine: Python 3.11, git and make are enough.

PYTHON ?= python3.11
# phase of the roadmap that `make train` trains: 1, 2 or 3
PHASE ?= 1
# 1 serves what `make train` trains also if it is not better than the champion
PROMOTE ?=
# 1 packs torch into the image as well, which draws evidence
EVIDENCE ?=
# the service: an address that others can reach needs API keys (UNMASK_API_KEYS_FILE)
HOST ?= 127.0.0.1
# a file of API keys; without keys the tenant is called local
KEYS ?= keys
TENANT ?= local
# queue, database and store of many machines are variables (UNMASK_QUEUE, UNMASK_DATABASE, UNMASK_STORAGE)
SERVICE_FOLDER := UNMASK_FOLDER="$${UNMASK_FOLDER:-$(CURDIR)/outputs/service}"
$(foreach name,QUEUE DATABASE STORAGE,$(if $(filter command,$(firstword $(origin $(name)))),\
	$(error $(name)=… shows a password to every user of this machine; set UNMASK_$(name) in the environment)))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# the line of uv in the lock and its hashes: the installer is pinned like everything it installs
UV_LOCK := $(VENV)/uv.lock
# what `unmask analyze`, the service and the pipelines import
ENTRY_POINTS := unmask.serving.analyzer pipelines.training
# two workers, a file of tests each at a time, in the order of tests/conftest.py
ALL_TESTS := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
# an environment of another Python, for `make test-python`
OTHER := outputs/environments/$(notdir $(PYTHON))
# what `make soak` does, and where its log is
FILES ?= 10000
KILLS ?= 200
SOAK := $(CURDIR)/outputs/soak
# an installation without extras, for `make test-core`
CORE := outputs/core
# build context of the image for training, and descriptions of what the images install
TRAINING_CONTEXT := outputs/training-image
SBOM := outputs/sbom
# genuine videos of real people; the demo detector must call none of them fake
FOOTAGE ?= $(wildcard ../shared/clips*/real)
# summary of the last run; a run that fails early writes none
SUMMARY := outputs/summary.json

.DEFAULT_GOAL := help
.PHONY: help setup train test coverage test-core test-python test-services test-ray soak check check-fast format serve worker key \
	footage image training-image sbom mlflow zenml bench bench-compare docs lock release

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

setup: $(READY)  ## .venv with everything pinned, ZenML, the demo set, the released detector; does nothing if done

# store byte code also where PYTHONDONTWRITEBYTECODE is set; otherwise each command compiles all that it imports
$(READY): export PYTHONDONTWRITEBYTECODE :=
$(READY): requirements.lock pyproject.toml environment.pth data.dvc data/field-detector.dvc
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^[^ ]/ {uv = /^uv==/} uv' requirements.lock > $(UV_LOCK)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r $(UV_LOCK)
	@echo "installing what requirements.lock pins"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@cp environment.pth "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/unmask_environment.pth"
	@echo "setting up ZenML, pulling the demo set and the released detector, compiling what the commands import"
	@test -d .zen || $(BIN)/zenml init > $(VENV)/zenml.log 2>&1 || { cat $(VENV)/zenml.log; exit 1; }
	@for module in $(ENTRY_POINTS); do \
		$(BIN)/python -W ignore scripts/store_bytecode.py $$module > $(VENV)/bytecode.log 2>&1 & done; \
	$(BIN)/dvc pull --quiet data.dvc data/field-detector.dvc || exit 1; \
	$(BIN)/unmask weights get clip-vit-b16 > $(VENV)/weights.log 2>&1 || \
		echo "the released detector's backbone could not be fetched; later: $(BIN)/unmask weights get clip-vit-b16"; \
	$(BIN)/unmask weights get sface >> $(VENV)/weights.log 2>&1 || \
		echo "people are not recognised across shots, since a network could not be fetched; later: $(BIN)/unmask weights get sface"; \
	wait
	@echo "exporting the released detector's networks, which then run without torch"
	@$(BIN)/unmask export data/field-detector > $(VENV)/export.log 2>&1 || \
		echo "they could not be exported and run with torch, which starts slowly; later: $(BIN)/unmask export data/field-detector"
	@touch $@

train: $(READY)  ## the whole chain on the demo set: data to packaged detector; PHASE=1, 2 or 3; PROMOTE=1 serves it anyway
ifeq ($(PROMOTE),1)
	@$(BIN)/python -m pipelines training --phase $(PHASE) --profile demo --promote
else
	@rm -f $(SUMMARY)
	@status=0; $(BIN)/zenml pipeline run training_pipeline \
		$(if $(filter-out 1,$(PHASE)),--config pipelines/configs/phase-$(PHASE).yaml) || status=$$?; \
	test ! -f $(SUMMARY) || $(BIN)/python -m pipelines summary; exit $$status
endif

test: $(READY)  ## all tests; TEST=tests/test_files.py for some of them
	@$(BIN)/python -m pytest $(or $(TEST),$(ALL_TESTS))

coverage: $(READY)  ## all tests, with coverage of src, steps and bento; takes a third longer
	@$(BIN)/python -m pytest $(ALL_TESTS) --cov --cov-report=term:skip-covered --cov-fail-under=85

test-core:  ## the core without optional packages, in a separate environment; PYTHON=python3.13 for another Python
	@$(PYTHON) -m venv --clear $(CORE)
	@# uv runs on any Python; the lock names it for one
	@awk '/^[^ ]/ {uv = /^uv==/} uv' requirements.lock | sed 's/ ; .*/ \\/' > $(CORE)/uv.lock
	@$(CORE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(CORE)/uv.lock
	@$(CORE)/bin/uv pip install --quiet --python $(CORE)/bin/python --constraint requirements.lock . pytest pytest-timeout
	@$(CORE)/bin/python -m pytest tests/test_optional_deps.py

test-python: $(OTHER)/.ready  ## all tests on another Python, PYTHON=python3.13; TEST=tests/engine for some of them
	@$(OTHER)/bin/python -m pytest $(or $(TEST),$(ALL_TESTS))

# the lock is made for one Python: its versions are taken, and of NumPy the one that another Python can have
$(OTHER)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -m venv --clear $(OTHER)
	@awk '/^[^ ]/ {uv = /^uv==/} uv' requirements.lock | sed 's/ ; .*/ \\/' > $(OTHER)/uv.lock
	@$(OTHER)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(OTHER)/uv.lock
	@awk '/^[^ ]/ && !/^numpy==/ {print $$1}' requirements.lock > $(OTHER)/constraints.txt
	@$(OTHER)/bin/uv pip install --quiet --python $(OTHER)/bin/python --constraint $(OTHER)/constraints.txt --editable '.[dev]'
	@touch $@

test-services: $(READY)  ## tests that kill workers; tests of browser, Redis and PostgreSQL if installed
	@$(BIN)/python -m pytest -m services tests/bento

# beside .venv, which has what the lock pins and nothing else
test-ray: $(READY)  ## tests of bulk analysis and preprocessing on Ray, which is installed into outputs/ray for them
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target outputs/ray 'ray>=2.50,<3'
	@PYTHONPATH="$(CURDIR)/outputs/ray" $(BIN)/python -m pytest -m services \
		tests/serving/bulk/test_ray_pool.py tests/preprocessing/test_ray_tasks.py

footage: $(READY)  ## FOOTAGE='FOLDER …' of genuine videos through what `make train` trained, which may call none of them fake
ifeq ($(strip $(FOOTAGE)),)
	@echo "no footage to analyze; name folders of genuine videos: make footage FOOTAGE='FOLDER …'"
else
	@rm -rf outputs/footage.csv*
	@$(BIN)/unmask analyze $(FOOTAGE) --bundle outputs/champion --out outputs/footage.csv --workers 2 \
		--fail-on fake --fail-on error
endif

soak: $(READY)  ## FILES=10000 corrupt files and KILLS=200 kills through the service; the files resume
	@UNMASK_BROKEN_FILES=$(FILES) UNMASK_SOAK_LOG="$(SOAK)/corrupt-$(FILES).jsonl" UNMASK_KILLS=$(KILLS) \
		$(BIN)/python -m pytest -s -m services tests/bento/e2e/test_corrupt_media.py tests/bento/e2e/test_random_kills.py

check: $(READY)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-fast: $(READY)  ## format and lint alone, within a second
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(READY)  ## format the code as check requires
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: $(READY)  ## page, API and worker on http://localhost:3000, with the released detector unless another was trained; UNMASK_QUEUE and others for many machines
	@$(BIN)/bentoml get unmask:latest > /dev/null 2>&1 || $(BIN)/python -m pipelines package > /dev/null
	$(SERVICE_FOLDER) $(BIN)/bentoml serve unmask:latest --host $(HOST) --port 3000

worker: $(READY)  ## a worker beside `make serve` with UNMASK_QUEUE set, with the same variables
	@# from the Bento, so that service and worker have the same detector
	cd "$$($(BIN)/bentoml get unmask:latest --output path)/src" && $(SERVICE_FOLDER) $(CURDIR)/$(BIN)/python -m bento.worker

key: $(READY)  ## an API key for TENANT=, appended to KEYS=keys as a hash, and the secret that signs its webhooks; EXPIRES=30d, SCOPE="read submit"
	@$(SERVICE_FOLDER) $(BIN)/python -m bento keys add $(KEYS) $(TENANT) $(if $(EXPIRES),--expires $(EXPIRES)) $(patsubst %,--scope %,$(SCOPE))

image: $(READY)  ## a container image of the packaged detector for compose.yaml, built by Docker; EVIDENCE=1 packs torch for heat maps
	@$(if $(filter 1,$(EVIDENCE)),$(BIN)/python -m pipelines package --evidence > /dev/null,:)
	@$(BIN)/bentoml get unmask:latest > /dev/null 2>&1 || $(MAKE) --no-print-directory train
	docker build --tag unmask:latest --file Dockerfile "$$($(BIN)/bentoml get unmask:latest --output path)"

training-image: $(READY)  ## a container image for steps on a cluster, of the committed files, built by Docker
	@rm -rf $(TRAINING_CONTEXT) && mkdir -p $(TRAINING_CONTEXT)
	git archive HEAD | tar --extract --directory $(TRAINING_CONTEXT)
	@$(BIN)/python -c 'from steps.platforms.requirements import TRAINING, hashed_requirements as pin; print(pin(requirements=TRAINING))' \
		> $(TRAINING_CONTEXT)/requirements.txt
	docker build --tag unmask-training:latest --file deploy/training.Dockerfile $(TRAINING_CONTEXT)

sbom: $(READY)  ## what the two images install, as CycloneDX documents in outputs/sbom
	@mkdir -p $(SBOM)
	@for image in SERVING TRAINING; do \
		$(BIN)/python -c "from steps.platforms.requirements import $$image, hashed_requirements as pin; print(pin(requirements=$$image))" \
		| $(BIN)/cyclonedx-py requirements - --pyproject pyproject.toml --output-reproducible \
			--output-file $(SBOM)/$$(echo $$image | tr A-Z a-z).json || exit 1; \
	done; ls $(SBOM)/*.json

mlflow: $(READY)  ## the MLflow UI on http://localhost:5000
	@$(BIN)/python -m pipelines mlflow

zenml: $(READY)  ## the ZenML dashboard on http://localhost:8237
	$(BIN)/zenml login --local --blocking --ip-address 127.0.0.1 --port 8237

bench: $(READY)  ## seconds and memory of each stage on a 30 s clip
	$(BIN)/unmask bench --untrained --profile full

bench-compare: $(READY)  ## this checkout and commit BASE= in turn, as ratios; QUICK=1 for fewer rounds, ONLY=service for some rows, CLIPS=FOLDER
	@test -n "$(BASE)" || { echo "name a commit: make bench-compare BASE=v0.2.0"; exit 1; }
	@$(BIN)/python -m scripts.bench_compare $(BASE) $(if $(filter 1,$(QUICK)),--quick) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(CLIPS),--clips "$(CLIPS)")

docs: $(READY)  ## the documentation in outputs/docs, built strictly and without a network
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

lock: $(READY)  ## pin the requirements of pyproject.toml again
	$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --output-file requirements.lock

release: $(READY)  ## an annotated tag of this version; refused unless changelog, pyproject.toml and package agree
	@$(BIN)/python scripts/release.py
