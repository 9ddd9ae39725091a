# `make demo` and `make test` install what they need first.
# PYTHON=python3.12 chooses the interpreter, VENV=DIR the place of the installation.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

N ?= 1000
SEED ?= 1
STEPS ?= 10000

.PHONY: bench bench-screenshots bench-forgetting bench-idle demo test docs test-browser pictures bench-page lint audit fuzz bench-regions bench-words bench-grounding bench-speed bench-search bench-scope bench-databases bench-ablation bench-everyday bench-embedder bench-gpu bench-load try-model try-refusals try-slack leaks injections explore mutate coverage install bench-first-answer install-light install-cuda12

# Play the demo in the terminal, then open it as a page in the browser.
demo: install
	@$(BIN)/magpie --data demo-data demo --script

# Run all tests.
test: install
	@$(BIN)/python -m pytest

# Run the property tests with new random examples for an hour; failing ones are kept in .hypothesis. MINUTES=60
explore: install
	@$(BIN)/python -m tests.explore --minutes $(or $(MINUTES),60) $(TESTS)

# Change the product at random and print what its tests do not notice. CHANGES=40 SEED=1 IN="rag/catalog bot/db"
mutate: install
	@$(BIN)/python -m tests.mutate --number $(or $(CHANGES),40) --seed $(SEED) $(IN)

# Report which branches the tests take; fail below the floor in pyproject.toml. Extraction processes are not counted, because
# they may not write outside their folder. Tests of complexity count steps by the same means, and are left out.
# TESTS=tests/rag/search
coverage: install
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest --ignore=tests/complexity $(TESTS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report $(if $(TESTS),--fail-under=0)

# Write the generated parts of docs/ from settings, commands and their JSON.
docs: install
	@$(BIN)/python -m tests.docs.generate

# Test the demo page in Chromium. SHOTS=DIR keeps an image of each step, AXE=axe.min.js also runs axe-core.
test-browser: install
	@$(BIN)/python -m pytest -n 0 -m browser tests/browser $(if $(SHOTS),--shots "$(SHOTS)") $(if $(AXE),--axe "$(AXE)")

# Make the images of README and docs again by driving the demo page.
pictures: install
	@$(BIN)/python -m tests.browser.pictures bot/demo/samples

# Measure the first load of the demo page, and the time from `magpie demo` to an answered question. RUNS=5
bench-page: install
	@$(BIN)/python -m tests.bench.page --runs $(or $(RUNS),5)

# Run every linter: style, types, layers, dependencies.
lint: install
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry .

# Report known vulnerabilities of everything installed. Fails if the package index cannot be asked.
# AUDIT="-s osv" asks another service.
audit: install
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/audited.txt
	@$(BIN)/python -m pip_audit --strict --disable-pip --no-deps --progress-spinner off $(AUDIT) -r $(VENV)/audited.txt

# Index damaged files. N=1000 SEED=1; BENCH=DIR damages the PDFs of that folder; KINDS=300 damages files of all other
# kinds, OFFICE=2000 tries office documents and WEB=2000 the responses of a web server instead.
fuzz: install
	@$(BIN)/python -m tests.faults.fuzz --count $(N) --seed $(SEED) $(if $(BENCH),--files "$(BENCH)") \
		$(if $(KINDS),--kinds $(KINDS)) $(if $(OFFICE),--office $(OFFICE)) $(if $(WEB),--web $(WEB))

# Count marked tables, charts and figures that are found. BENCH=DIR has questions.jsonl and pdf/; the worst pages are
# written to regions-worst.
bench-regions: install
	@test -n "$(BENCH)" || { echo "Name the folder: make bench-regions BENCH=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.regions "$(BENCH)" --worst regions-worst

# Measure which words of the text layers no chunk holds; fails above 0.2 %. BENCH=DIR, OCR=on reads pictures too;
# LOST=FILE lists the words.
bench-words: install
	@test -n "$(BENCH)" || { echo "Name the folder: make bench-words BENCH=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.words "$(BENCH)" $(if $(OCR),--ocr) $(if $(LOST),--lost "$(LOST)")

# Count the true statements that the check of answers flags, and the false ones it catches. BENCH=DIR adds the answers of
# a benchmark; MISSES=FILE lists the statements that were judged wrongly.
bench-grounding: install
	@$(BIN)/python -m tests.bench.grounding $(if $(BENCH),"$(BENCH)") $(if $(MISSES),--misses "$(MISSES)")

# Measure extraction of the PDFs of a folder: pages per second, time per stage, memory. BENCH=DIR
bench-speed: install
	@test -n "$(BENCH)" || { echo "Name the folder: make bench-speed BENCH=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.speed "$(BENCH)"

# Run the benchmarks of speed, and write one table to INTO=bench.md. DATA=DIR is searched instead of a generated document,
# CHUNKS=100000.
bench: install
	@$(BIN)/python -m tests.bench --into "$(or $(INTO),bench.md)" --chunks $(or $(CHUNKS),30000) $(if $(DATA),--data "$(DATA)")

# Measure how long screenshots take. DATA=DIR, QUERIES=FILE; PAGES=100000 adds made-up pages.
bench-screenshots: install
	@test -n "$(DATA)" || { echo "Name the data folder: make bench-screenshots DATA=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.screenshots "$(DATA)" $(if $(QUERIES),--queries "$(QUERIES)") \
		$(if $(PAGES),--pages $(PAGES))

# Measure how long writers wait while a file is removed. CHUNKS=100000
bench-forgetting: install
	@$(BIN)/python -m tests.bench.forgetting --chunks $(or $(CHUNKS),100000) --whole

# Measure the start, the memory and the processor time of the bot at rest, against a local Slack server.
bench-idle: install
	@$(BIN)/python -m tests.bench.idle

# Measure how soon a shared file can be asked about.
bench-first-answer: install
	@$(BIN)/python -m tests.bench.first_answer

# Measure searches over 100,000 chunks made from a data folder. DATA=DIR, QUESTIONS=FILE
bench-search: install
	@test -n "$(DATA)" || { echo "Name the data folder: make bench-search DATA=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.search "$(DATA)" $(if $(QUESTIONS),--questions "$(QUESTIONS)")

# Measure the cost of access rules over the same 100,000 chunks. DATA=DIR, QUESTIONS=FILE
bench-scope: install
	@test -n "$(DATA)" || { echo "Name the data folder: make bench-scope DATA=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.scope "$(DATA)" $(if $(QUESTIONS),--questions "$(QUESTIONS)")

# Compare the full-text indexes of SQLite and PostgreSQL over CHUNKS=5000 chunks. DATA=DIR, QUESTIONS=FILE
bench-databases: install
	@test -n "$(DATA)" || { echo "Name the data folder: make bench-databases DATA=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.words_in_databases "$(DATA)" --chunks $(or $(CHUNKS),5000) $(if $(QUESTIONS),--questions "$(QUESTIONS)")

# Measure images and texts per second against the model alone, with random weights.
bench-embedder: install
	@$(BIN)/magpie bench --random

# Measure SigLIP 2, ViT-g-14 and ColQwen2 with random weights on a GPU. TINY=1 tries the command.
bench-gpu: install
	@$(BIN)/python -m tests.bench.gpu $(if $(TINY),--tiny)

# Create .venv with everything Magpie needs; does nothing if it is up to date.
install:
	@command -v $(PYTHON) >/dev/null || { echo "Magpie needs Python 3.11 to 3.13, and $(PYTHON) was not found. On Debian and Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) bot/cli/preflight.py $(VENV) $(or $(KIND),full)

# Create .venv without torch (0.9 GB instead of 6.3): everything but CLIP and models of sentence-transformers.
install-light: KIND := light
install-light: install

# Create .venv with torch for CUDA 12, for NVIDIA drivers and cards that CUDA 13 no longer supports.
install-cuda12: KIND := cuda12
install-cuda12: install

# Try documents that give orders, with a model that obeys. GUARD=off runs a copy without the guards;
# EXTRA=FILE adds cases, one {"text": "...", "form": "text"} per line.
injections: install
	@$(BIN)/python -m tests.injections $(if $(GUARD),--guard "$(GUARD)") $(if $(EXTRA),--extra "$(EXTRA)")

# Measure what each lane and query feature is worth. DATA=DIR QUESTIONS=FILE
bench-ablation: install
	@test -n "$(DATA)" -a -n "$(QUESTIONS)" || { echo "Name both: make bench-ablation DATA=DIR QUESTIONS=FILE" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.ablation "$(DATA)" --questions "$(QUESTIONS)"

# Build invented manuals and everyday files, index them and measure the search by kind of question. INTO=DIR keeps them
# elsewhere than in bench-everyday.
bench-everyday: install
	@$(BIN)/python -m tests.bench.everyday $(or $(INTO),bench-everyday)

# Measure thirty questions of ten people at once, and the time to the first words of one.
bench-load: install
	@$(BIN)/python -m tests.bench.load

# Ask small real models, and a scripted writer, questions with known answers, and count the wrong statements shown.
# SCRIPTED=1 asks the writer alone; SERVER=PROGRAM MODEL=FILE.gguf name llama.cpp's server and a model, which otherwise
# come from installed packages; SHOW=FILE keeps every reply. BENCH=DIR DATA=DIR asks about a benchmark instead.
try-model: install
	@$(BIN)/python -m tests.try_model $(if $(SCRIPTED),--scripted) $(if $(SERVER),--server "$(SERVER)") \
		$(if $(MODEL),--model "$(MODEL)") $(if $(SHOW),--show "$(SHOW)") \
		$(if $(BENCH),--bench "$(BENCH)" --data "$(DATA)")

# Measure how well "not found" is said by the search and by models. SET="NAME DATA QUESTIONS ..." names a data folder and
# question files; ARGS="--only passages" or "--sample 24 --seed 32" and the like.
try-refusals: install
	@$(BIN)/python -m tests.try_model.refusals --set $(SET) $(if $(SERVER),--server "$(SERVER)") \
		$(if $(MODEL),--model "$(MODEL)") $(ARGS)

# Make the calls that Magpie relies on in a test workspace of Slack and in the local server, and print what differs.
# TRY_SLACK_TOKEN and TRY_SLACK_USER in the environment; RECORD=DIR keeps Slack's responses without texts and ids.
try-slack: install
	@RECORD="$(RECORD)" $(BIN)/python -m tests.try_slack

# Play random workspaces and check that no reader sees what they must not see. STEPS=10000 SEED=1; the environment
# variable SABOTAGE=all breaks one guard after the other, which must be noticed.
leaks: install
	@$(BIN)/python -m tests.leaks --steps $(STEPS) --seed $(SEED)
