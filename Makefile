# make demo: export the trained checkpoint again through the gate, then read sample pictures.
# make test: everything CI checks. Both make their own virtual environment first.
PYTHON ?= python3
VENV := .venv
BARE := .venv-device
BIN := $(VENV)/bin
DEMO := build/demo
PYTHONS ?= 3.10 3.13

.PHONY: demo kiosk test test-all test-device test-boards lint clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(BARE)/.ready: pyproject.toml $(shell find edgecnn device export -name '*.py')
	rm -rf $(BARE)
	$(PYTHON) -m venv $(BARE)
	$(BARE)/bin/python -m pip install --quiet --upgrade pip
	$(BARE)/bin/python -m pip install --quiet '.[test]'
	touch $@

demo: $(VENV)/.ready
	rm -rf $(DEMO)
	$(BIN)/edgecnn data synth serial-lines -n 500 --seed 31 -o $(DEMO)/gate
	$(BIN)/edgecnn export edgecnn/zoo/runs/serial-reader -o $(DEMO)/serial-reader.edge \
		--calibration calibration/serial-lines --evaluate $(DEMO)/gate
	$(BIN)/edgecnn data synth serial-lines -n 10 --seed 32 -o $(DEMO)/samples
	$(BIN)/edgecnn verify $(DEMO)/serial-reader.edge
	$(BIN)/edgecnn run $(DEMO)/serial-reader.edge $(DEMO)/samples
	@cat $(DEMO)/samples/labels.csv

	$(BIN)/edgecnn kiosk demo --folder $(DEMO)/kiosk --port 0 --seconds 20

# The daemon on generated cameras; prints its address and a token.
kiosk: $(VENV)/.ready
	$(BIN)/edgecnn kiosk demo --folder build/kiosk

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=export:device $(BIN)/lint-imports

# The device half with the base install alone: no torch, no onnx, no matplotlib.
test-device: $(BARE)/.ready
	cd tests && ../$(BARE)/bin/python -m pytest -c ../pyproject.toml --rootdir .. \
		-p no:cacheprovider bare device cameras bundle vision data cli

test: lint test-device
	$(BIN)/python -m pytest -m 'not slow' tests

test-all: PYTHONS = 3.10 3.11 3.12 3.13
test-all: lint test-device test-boards
	$(BIN)/python -m pytest tests

# The device half as boards have it; what cannot be tried here is said to be not run, and why.
test-boards: $(VENV)/.ready
	rm -f build/boards.txt
	PYTHON=$(BIN)/python bash tests/boards/arm64.sh
	sh tests/boards/tflite_runtime.sh
	sh tests/boards/pythons.sh $(PYTHONS)
	@echo "What ran:" && cat build/boards.txt

clean:
	rm -rf $(VENV) $(BARE) build dist
