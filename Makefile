# `make demo` runs the main job end to end; `make test` checks everything.
# Both make their own virtual environment in .venv and install into it.

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BIN := .venv/bin
DEMO := demo
PORT ?= 8500

.PHONY: demo pretrained test test-beam test-torch install format clean

install: .venv/installed

# An environment of another version of Python is made again.
%/bin/python$(VERSION):
	$(PYTHON) -m venv --clear $*

.venv/installed: setup.py .venv/bin/python$(VERSION)
	$(BIN)/pip install --quiet --editable '.[data,train,serving,dev]'
	touch $@

test: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Apache Beam wants an older protobuf than the rest has, so it has an environment of its own.
test-beam: .venv-beam/installed
	.venv-beam/bin/python -m pytest tests/pipelines/test_beam.py

.venv-beam/installed: setup.py .venv-beam/bin/python$(VERSION)
	.venv-beam/bin/pip install --quiet --editable '.[data,beam,dev]'
	touch $@

# PyTorch is large, and only this test wants it. The index of its wheels without CUDA can
# be given in PIP_EXTRA_INDEX_URL.
test-torch: .venv-torch/installed
	.venv-torch/bin/python -m pytest tests/tf_mt/importers/test_torch_file_pytorch.py

.venv-torch/installed: setup.py .venv-torch/bin/python$(VERSION)
	.venv-torch/bin/pip install --quiet --editable '.[data,torch,dev]'
	touch $@

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The demo begins by translating PHRASE with the model of the package. Without one it takes
# a trumpet that librosa downloads, or where there is no network a trumpet of the dataset.
PHRASE ?=
TRUMPET := $(BIN)/python -c "import librosa; print(librosa.example('trumpet'))"

demo: .venv/installed
	$(BIN)/python -m pipelines.convert --dataset=scores --config=paired --max_scores=80 \
	    --domains=violin,flute,trumpet,acoustic_grand_piano --data_dir=$(DEMO)/data
	$(BIN)/python -m pipelines.extract --data=$(DEMO)/data --split=test \
	    --out=$(DEMO)/held_out --limit=12
	phrase="$(PHRASE)"; [ "$$phrase" ] || phrase=$$($(TRUMPET) 2> $(DEMO)/download.log) || \
	    phrase=$$(find $(DEMO)/held_out/trumpet -type f | sort | head -n 1); \
	$(BIN)/python -m tf_mt.translate --domain=cello --input="$$phrase" \
	    --output=$(DEMO)/phrase_cello.wav --picture=$(DEMO)/phrase_cello.png && \
	echo "$$phrase, played by a cello: $(DEMO)/phrase_cello.wav, $(DEMO)/phrase_cello.png"
	$(BIN)/python -m tf_mt.train --approach=vae_gan --preset=small \
	    --data=$(DEMO)/data --run=$(DEMO)/runs/small
	$(BIN)/python -m tf_mt.export --run=$(DEMO)/runs/small --out=$(DEMO)/bundles
	$(BIN)/python -m serving.server --model_base_path=$(abspath $(DEMO))/bundles/small \
	    --model_name=small --port=$(PORT) > $(DEMO)/server.txt 2> $(DEMO)/server.log & \
	server=$$!; trap "kill $$server" EXIT; \
	until grep -qs Listening $(DEMO)/server.txt; do \
	    kill -0 $$server || { cat $(DEMO)/server.log; exit 1; }; sleep 1; \
	done; \
	$(BIN)/python -m serving.translate --server=localhost:$(PORT) --model=small \
	    --domain=flute --input=$(DEMO)/held_out --output=$(DEMO)/flute && \
	$(BIN)/python -m tf_mt.evaluate --server=localhost:$(PORT) --model=small \
	    --data=$(DEMO)/data --out=$(DEMO)/scores --clips=4

# The model that travels with the package, made anew: eight instruments of FluidR3 GM (MIT),
# Debian's package fluid-soundfont-gm.
PRETRAINED := violin,cello,flute,clarinet,trumpet,alto_sax,acoustic_guitar_nylon,acoustic_grand_piano
FLUID ?= /usr/share/sounds/sf2/FluidR3_GM.sf2
MADE := pretrained

pretrained: .venv/installed
	$(BIN)/python -m pipelines.convert --dataset=scores --config=unpaired --max_scores=40 \
	    --soundfont=$(FLUID) --sample_rate=32000 --domains=$(PRETRAINED) --data_dir=$(MADE)/data
	$(BIN)/python -m tf_mt.train --approach=harmonics --preset=small \
	    --data=$(MADE)/data --run=$(MADE)/runs/harmonics
	rm -rf tf_mt/pretrained/harmonics
	$(BIN)/python -m tf_mt.export --run=$(MADE)/runs/harmonics --out=tf_mt/pretrained
	rm -r tf_mt/pretrained/harmonics/1/assets.extra    # warm-up requests, five times the rest

clean:
	rm -rf $(DEMO) $(MADE) .venv .venv-beam .venv-torch
