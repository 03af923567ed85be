# Every verb calls Python modules; CI runs the same verbs. `make help` lists them. ARGS go to pytest, the bridge and the soak, MODELS to `make exact` and `make bench`.
#   RUN    the run's name: train/configs/$(RUN).toml and runs/$(RUN)    PORT   emulator, renode, /dev/ttyACM0, socket://..., auto
#   PROBE  the serial number of the probe that flashes, if there are several, or the path of the volume that is copied to
#   BOARD  a name or alias of boards/*.toml                         ENGINE  aot, or tflm (firmware/tflm.py)
#   RULES  a comparison: train/configs/$(RULES).toml and runs/$(RULES)
#   APP    what the image does: demur, or mlperf, which MLPerf Tiny's runner measures (of MODEL, through make mlperf)
#   CONSENT  of the firmware: the least that a host can ask for before a sample leaves the board, always, ask or never
#   SOURCE   of the firmware: where the board takes samples from itself, none, vectors:N or a driver's C file (firmware/source.py)
RUN   ?= digits
RULES ?= rules_digits
BOARD ?= nucleo
PORT  ?= emulator
ENGINE ?= aot
CONSENT ?= always
SOURCE ?= none
APP    ?= demur
PY    := .venv/bin/python
# What `make exact` and `make bench` take: the models of MLPerf Tiny where DEMUR_DATA has them, and our own.
MODELS ?= $(wildcard $(if $(DEMUR_DATA),$(DEMUR_DATA)/tflite/*.tflite) runs/*/model.tflite)
MODEL  ?= runs/$(RUN)/model.tflite
MLPERF  = runs/mlperf_$(basename $(notdir $(MODEL)))

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-speech test lint train compare export firmware mlperf flash bridge soak exact bench profile size boards doctor fuzz renode clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## system packages, .venv and all dependencies; at once when nothing changed
	@sh scripts/setup.sh

demo: setup ## train, export, build, boot the emulated board, stream the test split through it: no hardware
	@$(MAKE) --no-print-directory train export firmware
	@$(PY) -m host run --run runs/$(RUN) --board $(BOARD) --port emulator

demo-speech: ## the same with spoken digits and a recurrent model, frame by frame (downloads 16 MB unless DEMUR_DATA has them)
	@$(MAKE) --no-print-directory demo RUN=speech_demo

test: setup ## all tests
	@$(PY) -m pytest $(ARGS)

lint: setup ## ruff and mypy
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

train: setup ## train the base and the large model: runs/$(RUN)
	@$(PY) -m train train/configs/$(RUN).toml

compare: setup ## rules of abstaining, trained with several seeds and judged alike, with a report: runs/$(RULES)
	@$(PY) -m train.compare train/configs/$(RULES).toml

export: setup ## quantise, compile, write the manifest
	@$(PY) -m export runs/$(RUN) --board $(BOARD)

firmware: setup ## build the firmware for BOARD
	@$(PY) -m firmware build --run runs/$(RUN) --board $(BOARD) --engine $(ENGINE) --consent $(CONSENT) --source $(SOURCE) --app $(APP)

mlperf: setup ## the image of MODEL that MLPerf Tiny's runner measures, in runs/mlperf_<its name>
	@$(PY) -m export mlperf $(MODEL) --board $(BOARD) --out $(MLPERF)
	@$(PY) -m firmware build --run $(MLPERF) --board $(BOARD) --engine $(ENGINE) --app mlperf

flash: setup ## build, flash BOARD and ask it for HELLO, or its name with APP=mlperf (PORT: its serial port, PROBE: a serial number, where there are several)
	@$(PY) -m firmware flash --run runs/$(RUN) --board $(BOARD) --engine $(ENGINE) --consent $(CONSENT) --source $(SOURCE) --app $(APP) $(if $(PROBE),--probe '$(PROBE)')
	@$(PY) -m host hello --run runs/$(RUN) --board $(BOARD) $(if $(filter mlperf,$(APP)),--mlperf) $(if $(filter-out emulator,$(PORT)),--port $(PORT)) $(if $(PROBE),--probe '$(PROBE)')

bridge: setup ## answer what the board at PORT abstains from, live (PORT=emulator boots one; ARGS=--web serves a page as well)
	@$(PY) -m host run --run runs/$(RUN) --board $(BOARD) --port $(PORT) $(ARGS)

soak: setup ## 100,000 samples over a cable that damages 1 % of all bytes each way, every answer checked (ARGS="--samples 1000")
	@$(PY) -m host soak --run runs/$(RUN) --board $(BOARD) --port $(PORT) $(ARGS)

exact: setup ## compare MODELS with TensorFlow Lite Micro: 1,000 inputs on this PC, 20 in the emulator of every board
	@$(PY) -m export check $(MODELS) --inputs 1000 --emulated 20

bench: setup ## instructions, flash and RAM of MODELS on Cortex-M4, M3 and M0, into the tables of README.md
	@$(PY) -m export bench $(MODELS) --board nucleo --markdown README.md
	@$(PY) -m export bench $(MODELS) --board mps2_an385 --markdown README.md
	@$(PY) -m export bench $(MODELS) --board mps2_an385 --core cortex-m0 --markdown README.md

profile: setup ## instructions by C function of MODEL on the emulated BOARD
	@$(PY) -m export bench $(MODEL) --board $(BOARD) --profile

size: setup ## flash and RAM of the built firmware
	@$(PY) -m firmware size --run runs/$(RUN) --board $(BOARD)

boards: setup ## the boards, their memory, how they are flashed and emulated, and which models under runs fit
	@$(PY) -m boards

doctor: ## what this machine, the emulator and the board at PORT lack, and the command that cures it
	@$(or $(wildcard $(PY)),python3) -m host doctor --run runs/$(RUN) --board $(BOARD) $(if $(filter-out emulator,$(PORT)),--port $(PORT))

fuzz: setup ## the properties of frames, messages, gate, manifest, models and board files on many more examples, the C parsers under libFuzzer
	@$(PY) -m pytest -m fuzz --hypothesis-profile=fuzz $(ARGS)

renode: setup ## the robot suite and a streamed run in Renode, on the firmware built for BOARD
	@$(PY) -m host renode --run runs/$(RUN) --board $(BOARD) && $(PY) -m host run --run runs/$(RUN) --board $(BOARD) --port renode

clean: ## remove everything that was built or cached, but neither .venv nor the trained models in runs
	@rm -rf build runs/*/firmware firmware/.pio firmware/.platformio .pytest_cache .mypy_cache .ruff_cache .hypothesis
