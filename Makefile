# Bare `make` prints the targets. The interpreter in PYTHON is used as it is when it already imports what a
# target needs; otherwise .venv is made once (from WHEELHOUSE=folder when given), and then nothing needs a network.

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help step view report test test-all test-page check coverage bench bench-seams fit-seams bench-panorama \
        bench-feather bench-cut bench-strides bench-loop bench-anchor bench-references bench-textures bench-endless bench-page bench-deep-zoom \
        bench-real bench-constants seam-sheet torture \
        emulator record vendor vendor-check clean

# What the caller's environment says to Python and pip in general is not meant for here; PIP_USER=0 overrides a
# configuration file, which could send packages past .venv.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
export PIP_USER := 0

# The first interpreter that is new enough, unless PYTHON names one.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(or $(shell unset PYTHONHOME PYTHONPATH; for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done),python3)
endif

# Variables reach the recipes as shell variables, untouched by make: spaces, quotes and $ survive. The two that
# can spend money count only on make's own command line, never from the environment.
STEP := MODE SESSION CANVAS STEPS CLOSE PLAN PROMPT GENERATOR CANDIDATES FEATHER_PX SOFTEN ANCHOR SCAFFOLD CUE REFERENCE METRIC GATE CALIBRATE \
        CONTRACT STRENGTH ARTIFACTS FIT BRANCH SEED MOCK_DRIFT_PROFILE MODEL QUALITY COMPLEXITY CALLS CONCURRENCY STREAM SERVER \
        SERVER_FILE FETCH_FROM BASE_URL KEY_FILE BUDGET YES DRY_RUN RETRY_AMBIGUOUS CASSETTE RECORD_MODE BLOCK_NETWORK
ifneq ($(filter environment%,$(origin GENERATOR)),)
override GENERATOR :=
endif
ifneq ($(filter environment%,$(origin YES)),)
override YES :=
endif
SHELL_VARIABLES := $(STEP) DEST DIR ARGS
$(foreach v,$(SHELL_VARIABLES),$(eval override $(v) := $$(value $(v))))
export $(SHELL_VARIABLES)

# What an interpreter must import for each group of targets.
probe_run := import PIL, httpx; assert tuple(map(int, PIL.__version__.split(".")[:2])) >= (12, 3)
probe_test := $(probe_run); import pytest; assert pytest.version_tuple >= (8,)
probe_lint := $(probe_run); import ruff, mypy
probe_page := $(probe_run); import selenium
probe_coverage := $(probe_test); import coverage

# $(call use,GROUP): sets $$py to an interpreter that imports what GROUP needs; a .venv that does so no more, because
# its interpreter was removed, say, is made anew.
use = if "$(PYTHON)" -c '$(probe_$(1))' >/dev/null 2>&1; then py="$(PYTHON)"; \
	else .venv/bin/python -c '$(probe_$(1))' >/dev/null 2>&1 || rm -f .venv/ready-$(1); \
	$(MAKE) --no-print-directory -s .venv/ready-$(1) || exit 1; py=.venv/bin/python; fi

help:
	@echo 'make step MODE=x_ltr   extend the demo picture by one step, offline (x_ltr right, x_rtl left, y_ttb down, y_btt up)'
	@echo '                       CANVAS=picture SESSION=folder STEPS=n CLOSE=1 PLAN=file PROMPT=text GENERATOR=mock|openai|replay CANDIDATES=n'
	@echo '                       FEATHER_PX=n SOFTEN=n ANCHOR=share SCAFFOLD=grey|edge|mirror|file CUE=1 REFERENCE=file|seed|map+... METRIC=name'
	@echo '                       GATE=number|none CALIBRATE=0 CONTRACT=classic|wide|long|tall STRENGTH=n ARTIFACTS=full|lean|none FIT=scale|crop|pad SEED=n BRANCH=name'
	@echo '                       MOCK_DRIFT_PROFILE=smooth|latent|fine|gemini|gpt-image-2|gpt-image-1: kind of the simulated model'
	@echo '                       with GENERATOR=openai, which costs money: BUDGET=usd YES=1 DRY_RUN=1 RETRY_AMBIGUOUS=1 MODEL='
	@echo '                       QUALITY= COMPLEXITY= CALLS=batch|each CONCURRENCY=n STREAM=1 SERVER= SERVER_FILE= FETCH_FROM= BASE_URL= KEY_FILE='
	@echo '                       with GENERATOR=replay: CASSETTE=file RECORD_MODE=none|once|new_episodes|all BLOCK_NETWORK=1'
	@echo 'make view              look at a session in the browser: SESSION=folder (default: the newest under sessions/)'
	@echo 'make report            the session as one HTML file beside it: SESSION=folder'
	@echo 'make test              the whole suite, offline (ARGS="-k seam" for a part, ARGS="--shuffle 7" for another order)'
	@echo 'make test-all          the suite with every Python >= 3.11 found, with Pillow 12.3 and with the newest'
	@echo 'make test-page         the review page in a real browser (needs chromium and chromium-driver of the system)'
	@echo 'make check             ruff and mypy --strict'
	@echo 'make coverage          the suite with branch coverage of exquisite/'
	@echo 'make bench             time of a scorer pair and of a step, each beside its floor'
	@echo 'make bench-seams       the tables of seam metrics in RESULTS.md'
	@echo 'make fit-seams         weights of the seam metric, fitted on pictures that its table leaves out (DIR=folder: on'
	@echo '                       redraws by real models, too)'
	@echo 'make bench-panorama    many steps in a row: what is left of drift and seams'
	@echo 'make bench-strides     one step of each contract, beside each other'
	@echo 'make bench-loop        a canvas closed to a loop: the residual where its ends meet, beside that of other seams'
	@echo 'make bench-anchor      a model that fades, held by an anchor and not'
	@echo 'make bench-references  copies of reference pictures, and true continuations that are none, held against the veto'
	@echo 'make bench-feather     ways to soften a seam, beside each other'
	@echo 'make bench-cut         joins through a pending zone, beside each other (DIR=folder: on redraws by real models, too)'
	@echo 'make bench-textures    does a synthesized continuation pass the gate, on every fixture'
	@echo 'make bench-real DIR=d  calibration on redraws by real models, a folder with pairs.json and the pictures'
	@echo 'make bench-constants   the figures beside constants of the geometry (DIR=folder: of redraws by real models)'
	@echo 'make bench-endless     ten thousand strips, and the export of a canvas a million pixels long'
	@echo 'make bench-page        the review page on ten thousand strips (needs what test-page needs)'
	@echo 'make bench-deep-zoom   the same canvas as a Deep Zoom picture, beside the PNG'
	@echo 'make seam-sheet        seams of every fixture on one sheet, for looking at; DIR=... those of real pairs'
	@echo 'make torture           faults, kills, damages and hostile input by the thousand (20 minutes at most)'
	@echo 'make emulator          a local server that speaks the images/edits endpoint'
	@echo 'make record            record the cassettes again (from the real endpoint when a key is present)'
	@echo 'make vendor DEST=dir   copy the package to dir/exquisite, stamped; make vendor-check DEST=dir tells stale or edited'
	@echo 'make clean             remove .venv, caches and build output (sessions stay)'
	@echo 'PYTHON=python3.12 chooses the interpreter, WHEELHOUSE=folder installs without a network.'
	@echo 'Exit codes of a step (gate 3, payment 4 ...) are printed; make itself ends with 2 whatever they were.'

# sessions/<canvas>-<axis> unless SESSION says otherwise; a new session without CANVAS starts from the demo picture,
# whose true continuation the simulated model redraws. A replay without SESSION begins a new one each time; without
# CASSETTE it answers from the shipped recording of that mode.
DEMO := --canvas fixtures/demo/canvas.png --mock-picture fixtures/demo/picture.jpg --mock-origin 800,800

step:
	@test -n "$$MODE" || { echo 'make step needs a direction: make step MODE=x_ltr (or x_rtl, y_ttb, y_btt)' >&2; exit 2; }; \
	$(call use,run); \
	name=demo; set -- $(DEMO); \
	if [ "$$GENERATOR" = replay ]; then \
		CASSETTE=$${CASSETTE:-$${EXQUISITE_CASSETTE:-fixtures/cassettes/$$MODE.json}}; \
		name=replay; set -- --canvas fixtures/cassettes/canvas.png; fi; \
	if [ -n "$$CANVAS" ]; then name=$$(basename "$$CANVAS"); name=$${name%.*}; set -- --canvas "$$CANVAS"; fi; \
	session=$${SESSION:-sessions/$$name-$${MODE%%_*}}; \
	if [ "$$GENERATOR" = replay ] && [ -z "$$SESSION" ]; then \
		n=1; while [ -e "sessions/$$name-$$MODE-$$n" ]; do n=$$((n + 1)); done; session=sessions/$$name-$$MODE-$$n; fi; \
	if [ -z "$$CANVAS" ] && [ -e "$$session" ]; then set --; fi; \
	case "$$CUE" in ''|0|no) ;; *) set -- "$$@" --continuation-cue;; esac; \
	case "$$CLOSE" in ''|0|no) ;; *) set -- "$$@" --close;; esac; \
	case "$$CALIBRATE" in 0|no) set -- "$$@" --no-calibrate;; esac; \
	case "$$YES" in ''|0|no) ;; *) set -- "$$@" --yes;; esac; \
	case "$$DRY_RUN" in ''|0|no) ;; *) set -- "$$@" --dry-run;; esac; \
	case "$$RETRY_AMBIGUOUS" in ''|0|no) ;; *) set -- "$$@" --retry-ambiguous;; esac; \
	case "$$STREAM" in ''|0|no) ;; *) set -- "$$@" --stream;; esac; \
	case "$$BLOCK_NETWORK" in ''|0|no) ;; *) set -- "$$@" --block-network;; esac; \
	if [ -e "$$REFERENCE" ]; then set -- "$$@" --reference "$$REFERENCE"; \
	else IFS=+; set -f; for one in $$REFERENCE; do set -- "$$@" --reference "$$one"; done; unset IFS; set +f; fi; \
	"$$py" -m exquisite step "$$session" "$$MODE" "$$@" \
		$${STEPS:+--steps "$$STEPS"} $${PROMPT:+--prompt "$$PROMPT"} $${GENERATOR:+--generator "$$GENERATOR"} \
		$${CANDIDATES:+--candidates "$$CANDIDATES"} $${FEATHER_PX:+--feather-px "$$FEATHER_PX"} \
		$${SOFTEN:+--soften "$$SOFTEN"} $${SCAFFOLD:+--scaffold "$$SCAFFOLD"} $${METRIC:+--metric "$$METRIC"} $${GATE:+--gate "$$GATE"} \
		$${CONTRACT:+--contract "$$CONTRACT"} $${STRENGTH:+--prompt-strength "$$STRENGTH"} \
		$${ARTIFACTS:+--artifacts "$$ARTIFACTS"} $${SEED:+--seed "$$SEED"} \
		$${MOCK_DRIFT_PROFILE:+--mock-drift-profile "$$MOCK_DRIFT_PROFILE"} $${MODEL:+--model "$$MODEL"} \
		$${QUALITY:+--quality "$$QUALITY"} $${COMPLEXITY:+--complexity "$$COMPLEXITY"} $${CALLS:+--calls "$$CALLS"} \
		$${CONCURRENCY:+--concurrency "$$CONCURRENCY"} \
		$${BUDGET:+--budget "$$BUDGET"} $${SERVER:+--server "$$SERVER"} $${BASE_URL:+--base-url "$$BASE_URL"} \
		$${SERVER_FILE:+--server-file "$$SERVER_FILE"} $${FETCH_FROM:+--fetch-from "$$FETCH_FROM"} \
		$${KEY_FILE:+--key-file "$$KEY_FILE"} $${FIT:+--fit "$$FIT"} $${BRANCH:+--branch "$$BRANCH"} \
		$${ANCHOR:+--anchor "$$ANCHOR"} $${PLAN:+--plan "$$PLAN"} \
		$${CASSETTE:+--cassette "$$CASSETTE"} $${RECORD_MODE:+--record-mode "$$RECORD_MODE"}

# The session that was changed last, unless SESSION says otherwise.
newest = session=$${SESSION:-$$(ls -td sessions/*/ 2>/dev/null | head -n 1)}; session=$${session%/}; \
	test -n "$$session" || { echo 'there is no session yet: run make step MODE=x_ltr, or name one with SESSION=' >&2; exit 2; }

view:
	@$(newest); $(call use,run); "$$py" -m exquisite view "$$session" $(ARGS)

report:
	@$(newest); $(call use,run); "$$py" -m exquisite report "$$session" "$$session.html" --force $(ARGS)

test:
	@$(call use,test); "$$py" -m tests.support.cores $(ARGS)

test-all:
	@"$(PYTHON)" -m tests.support.interpreters $(ARGS)

test-page:
	@$(call use,page); "$$py" -m tests.page.browser $(ARGS)

check:
	@$(call use,lint); "$$py" -m ruff check . && "$$py" -m mypy --strict

coverage:
	@$(call use,coverage); "$$py" -m coverage run -m pytest -q $(ARGS) && "$$py" -m coverage report --skip-covered

bench:
	@$(call use,test); "$$py" -m tests.benchmarks.bench $(ARGS)

bench-seams:
	@$(call use,test); "$$py" -m tests.benchmarks.seams $(ARGS)

fit-seams:
	@$(call use,test); "$$py" -m tests.benchmarks.seam_weights $${DIR:+--real "$$DIR"} $(ARGS)

bench-panorama:
	@$(call use,test); "$$py" -m tests.benchmarks.panorama $(ARGS)

bench-cut:
	@$(call use,test); "$$py" -m tests.benchmarks.cuts $${DIR:+--real "$$DIR"} $(ARGS)

bench-textures:
	@$(call use,test); "$$py" -m tests.benchmarks.textures $(ARGS)

bench-strides:
	@$(call use,test); "$$py" -m tests.benchmarks.strides $(ARGS)

bench-loop:
	@$(call use,test); "$$py" -m tests.benchmarks.loops $(ARGS)

bench-anchor:
	@$(call use,test); "$$py" -m tests.benchmarks.anchors $(ARGS)

bench-references:
	@$(call use,test); "$$py" -m tests.benchmarks.references $(ARGS)

bench-feather:
	@$(call use,test); "$$py" -m tests.benchmarks.feathers $(ARGS)

seam-sheet:
	@$(call use,test); "$$py" -m tests.benchmarks.seam_sheet $${DIR:+--real "$$DIR"} $(ARGS)

bench-real:
	@test -n "$$DIR" || { echo 'make bench-real needs the folder of the pairs: make bench-real DIR=../pairs' >&2; exit 2; }; \
	$(call use,test); "$$py" -m tests.benchmarks.real "$$DIR" $(ARGS)

bench-constants:
	@$(call use,test); "$$py" -m tests.benchmarks.constants $${DIR:+--real "$$DIR"} $(ARGS)

bench-endless:
	@$(call use,test); "$$py" -m tests.benchmarks.endless $(ARGS)

bench-page:
	@$(call use,page); "$$py" -m tests.benchmarks.page $(ARGS)

bench-deep-zoom:
	@$(call use,test); "$$py" -m tests.benchmarks.deep_zoom $(ARGS)

torture:
	@$(call use,test); "$$py" -m tests.benchmarks.torture $(ARGS)

emulator:
	@$(call use,test); "$$py" -m tests.support.emulator $(ARGS)

record:
	@$(call use,test); "$$py" -m tests.support.record $(ARGS)

vendor:
	@test -n "$$DEST" || { echo 'make vendor needs a place: make vendor DEST=../host/src/host' >&2; exit 2; }; \
	$(call use,run); "$$py" -m exquisite vendor "$$DEST" $(ARGS)

vendor-check:
	@test -n "$$DEST" || { echo 'make vendor-check needs the place: make vendor-check DEST=../host/src/host' >&2; exit 2; }; \
	$(call use,run); "$$py" -m exquisite vendor --check "$$DEST" $(ARGS)

clean:
	rm -rf .venv .venvs .ruff_cache .mypy_cache .pytest_cache .coverage build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Prints what pyproject.toml asks for: the dependencies, and those of one group.
requirements = import sys, tomllib; \
	project = tomllib.load(open("pyproject.toml", "rb")); \
	groups = {"run": [], "test": ["test"], "lint": ["lint"], "page": ["page"], "coverage": ["test", "coverage"]}[sys.argv[1]]; \
	print(*project["project"]["dependencies"], *(r for g in groups for r in project["dependency-groups"][g]), sep="\n")

# What pip says where the network is the reason, each time before it tries again: --retries overrides PIP_RETRIES=0.
unreached := ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Connection (refused|reset|aborted)|Name or service not known|Temporary failure in name resolution|Network is unreachable

# The stamp is made last, so that a failed install is never taken for a good one.
.venv/ready-%: pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo '$(PYTHON) is no Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12 ...' >&2; exit 1; }
	@echo 'preparing .venv ($*) with $(PYTHON); this happens once' >&2
	@if .venv/bin/python -m pip --version >/dev/null 2>&1; then :; \
	elif "$(PYTHON)" -m venv --clear .venv >/dev/null 2>&1; then :; \
	elif "$(PYTHON)" -m pip --version >/dev/null 2>&1 && "$(PYTHON)" -m venv --clear --without-pip .venv; then :; \
	else echo '$(PYTHON) can make no virtual environment: install its venv module (Debian, Ubuntu: python3-venv)' >&2; exit 1; fi
	@"$(PYTHON)" -c '$(requirements)' $* > .venv/requirements-$*.txt
	@if .venv/bin/python -m pip --version >/dev/null 2>&1; then set -- .venv/bin/python -m pip; \
	else set -- "$(PYTHON)" -m pip --python .venv/bin/python; fi; \
	"$$@" install -q --disable-pip-version-check --retries 2 $(if $(WHEELHOUSE),--no-index --find-links "$(WHEELHOUSE)") \
		-r .venv/requirements-$*.txt 2> .venv/install-$*.log || { \
		cat .venv/install-$*.log >&2; \
		if grep -Eq '$(unreached)' .venv/install-$*.log; then \
			echo 'the package index was not reached; without a network: make ... WHEELHOUSE=folder-of-wheels' >&2; \
		else echo 'the packages could not be installed, for the reason above' >&2; fi; exit 1; }
	@.venv/bin/python -c '$(probe_$*)'
	@touch $@
