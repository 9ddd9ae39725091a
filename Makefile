# make demo, make test: each sets up what it needs. PYTHON and VENV may be given.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

N ?= 1000
SEED ?= 1

.PHONY: demo test test-browser pictures bench-page lint audit fuzz bench-regions bench-speed bench-search bench-scope bench-ablation bench-embedder bench-load leaks injections install

demo: install
	@$(BIN)/magpie --data demo-data demo --script

test: install
	@$(BIN)/python -m pytest

# The page in a real Chromium alone; pictures of every step: make test-browser SHOTS=DIR, AXE=axe.min.js looks with axe.
test-browser: install
	@$(BIN)/python -m pytest -n 0 -m browser tests/browser $(if $(SHOTS),--shots "$(SHOTS)") $(if $(AXE),--axe "$(AXE)")

# The README's pictures, made again by driving the page.
pictures: install
	@$(BIN)/python -m tests.browser.pictures bot/demo/samples

# Bytes and requests of the page's first load, and the time from `magpie demo` to an answered question: RUNS=5
bench-page: install
	@$(BIN)/python -m tests.bench.page --runs $(or $(RUNS),5)

lint: install
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry .

# Known vulnerabilities of everything installed, as the package index tells them; another service asked by
# AUDIT="-s osv". What cannot be asked about is no pass: it fails then, too.
audit: install
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/audited.txt
	@$(BIN)/python -m pip_audit --strict --disable-pip --no-deps --progress-spinner off $(AUDIT) -r $(VENV)/audited.txt

# Damaged files through the engine: make fuzz N=1000 SEED=1, with BENCH=DIR made of that folder's PDFs; OFFICE=2000 and
# WEB=2000 try office documents and a web server's answers instead.
fuzz: install
	@$(BIN)/python -m tests.faults.fuzz --count $(N) --seed $(SEED) $(if $(BENCH),--files "$(BENCH)") \
		$(if $(OFFICE),--office $(OFFICE)) $(if $(WEB),--web $(WEB))

# Marked tables, charts and figures that are found, in a folder with questions.jsonl and pdf/; the worst as pictures.
bench-regions: install
	@test -n "$(BENCH)" || { echo "Say which folder: make bench-regions BENCH=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.regions "$(BENCH)" --worst regions-worst

# Pages a second, time by stage and memory over the PDFs of a folder: make bench-speed BENCH=DIR
bench-speed: install
	@test -n "$(BENCH)" || { echo "Say which folder: make bench-speed BENCH=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.speed "$(BENCH)"

# Time of a search over 100,000 chunks made of those in a data folder: make bench-search DATA=DIR, QUESTIONS=FILE
bench-search: install
	@test -n "$(DATA)" || { echo "Say which data folder: make bench-search DATA=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.search "$(DATA)" $(if $(QUESTIONS),--questions "$(QUESTIONS)")

# What it costs to know who may see what, over the same 100,000 chunks: make bench-scope DATA=DIR, QUESTIONS=FILE
bench-scope: install
	@test -n "$(DATA)" || { echo "Say which data folder: make bench-scope DATA=DIR" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.scope "$(DATA)" $(if $(QUESTIONS),--questions "$(QUESTIONS)")

# Pictures and texts a second from files to stored vectors, against the model alone, with random weights
bench-embedder: install
	@$(BIN)/magpie bench --random

install:
	@command -v $(PYTHON) >/dev/null || { echo "Magpie needs Python 3.11 to 3.13; there is no $(PYTHON) here. Debian, Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) bot/cli/preflight.py $(VENV)

# Documents that give orders, with a model that obeys: what gets out. GUARD=off: of a copy without its guards;
# EXTRA=FILE: cases of your own, {"text": "...", "form": "text"} a line.
injections: install
	@$(BIN)/python -m tests.injections $(if $(GUARD),--guard "$(GUARD)") $(if $(EXTRA),--extra "$(EXTRA)")

# What each lane and query feature is worth over questions: make bench-ablation DATA=DIR QUESTIONS=FILE
bench-ablation: install
	@test -n "$(DATA)" -a -n "$(QUESTIONS)" || { echo "Say which: make bench-ablation DATA=DIR QUESTIONS=FILE" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.ablation "$(DATA)" --questions "$(QUESTIONS)"

# Random workspaces, and whether anything gets where it must not: make leaks STEPS=10000 SEED=1, or SABOTAGE=all
STEPS ?= 10000
# Thirty questions of ten people at once, and how long one takes to its first words.
bench-load: install
	@$(BIN)/python -m tests.bench.load

leaks: install
	@$(BIN)/python -m tests.leaks --steps $(STEPS) --seed $(SEED)
