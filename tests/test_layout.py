"""The rules of the house: who may import whom, how long a file and a function may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path.relative_to(ROOT) for top in ("bot", "rag", "tests") for path in (ROOT / top).rglob("*.py"))
RAG = [path for path in FILES if path.parts[0] == "rag"]
BOT = [path for path in FILES if path.parts[0] == "bot"]

MODEL = {"model", "errors", "settings"}
PORTS = MODEL | {"ports", "packing"}
STORED = {"catalog", "confinement", "words", "plain", "query", "read", "chunk", "folder", "scratch"}
ENGINE = {
    "ingest",
    "retrieve",
    "fuse",
    "alike",
    "decide",
    "signals",
    "calibrate",
    "places",
    "statements",
    "answer",
    "asking",
    "captions",
    "condense",
    "evidence",
    "embed",
    "query_side",
    "rounds",
    "mirror",
    "pixels",
    "projection",
    "training",
    "evaluate",
    "measures",
    "questions",
    "report",
    "report_style",
    "sent",
    "thumbnails",
    "forget",
    "kept",
    "owner",
    "work",
    "doctor",
    "offload",
    "serve",
    "windowed",
}
SHARED = {"fetch", "shares", "web"}
PARTS_OF_ANSWER = {"citations", "control", "prompt", "draft", "support", "numerals", "marking"}
BUILDERS = {"__init__", "opening", "pipeline", "hosting", "replicas", "bench"}
"""Where adapters are opened and parts put together."""


def room(path: Path) -> str:
    return path.parts[1].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(module, not run when the file is) of every import; `from rag import x` yields `rag.x` as well."""
    tree = ast.parse((ROOT / path).read_text())
    inside = {
        id(node)
        for later in ast.walk(tree)
        if isinstance(later, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(later, ast.If) and isinstance(later.test, ast.Name) and later.test.id == "TYPE_CHECKING")
        for node in ast.walk(later)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", id(node) in inside
            yield from ((f"{node.module}.{alias.name}", id(node) in inside) for alias in node.names)


def rooms_of(path: Path) -> set[str]:
    """The rooms of rag that a file imports."""
    names = {room(each) for each in RAG}
    return {
        part for module, _ in imports(path) if module.startswith("rag.") and (part := module.split(".")[1]) in names
    }


def test_the_rooms_are_the_ones_these_rules_know() -> None:
    known = PORTS | STORED | ENGINE | SHARED | PARTS_OF_ANSWER | BUILDERS | {"adapters", "migrations"}
    assert {room(path) for path in RAG} <= known


@pytest.mark.parametrize("path", [path for path in RAG if room(path) not in BUILDERS], ids=str)
def test_a_room_knows_only_those_above_it(path: Path) -> None:
    own = room(path)
    if own in MODEL:
        allowed = MODEL
    elif own in ("ports", "packing"):
        allowed = PORTS
    elif own == "adapters":
        allowed = PORTS | {"adapters"}
    elif own in STORED | {"migrations"}:
        allowed = PORTS | STORED | {"migrations"}
    else:
        allowed = PORTS | STORED | SHARED | ENGINE | PARTS_OF_ANSWER
    assert rooms_of(path) - {own} <= allowed


def test_the_model_knows_nobody() -> None:
    assert rooms_of(Path("rag/model.py")) == set()
    assert rooms_of(Path("rag/errors.py")) == set()


@pytest.mark.parametrize("path", RAG, ids=str)
def test_rag_never_imports_bot(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.split(".")[0] == "bot"]


@pytest.mark.parametrize("path", BOT, ids=str)
def test_bot_uses_the_front_door_of_rag_alone(path: Path) -> None:
    """`from rag import name`, and the name is one that rag gives out."""
    import rag

    used = {module for module, _ in imports(path) if module == "rag" or module.startswith("rag.")}
    assert {module.removeprefix("rag").removeprefix(".") for module in used} <= {"", *rag.__all__}
    assert not [node for node in ast.walk(ast.parse((ROOT / path).read_text())) if _past_the_door(node)]


def _past_the_door(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").startswith("rag.")
    return isinstance(node, ast.Import) and any(alias.name.startswith("rag") for alias in node.names)


HEAVY = {"torch", "torchvision", "open_clip", "chromadb", "pymupdf", "rapidocr", "onnxruntime", "cv2", "ollama"}
HEAVY |= {"playwright", "sentence_transformers", "transformers", "ray"}


@pytest.mark.parametrize("path", RAG + BOT, ids=str)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    assert not [module for module, inside in imports(path) if not inside and module.split(".")[0] in HEAVY]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_and_functions_are_short(path: Path) -> None:
    source = (ROOT / path).read_text()
    assert source.count("\n") < 450  # a sign to look for a second subject, not a limit to squeeze under
    for node in ast.walk(ast.parse(source)):
        # A migration is one list of what changes, written by Alembic.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "migrations" not in path.parts:
            assert (node.end_lineno or 0) - node.lineno + 1 < 60, f"{node.name}, line {node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_is_patched_and_the_product_never_sleeps(path: Path) -> None:
    """A fake enters by the door its real sibling uses; what waits, waits for something."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("monkeypatch", "setattr"), node.lineno
            assert (node.value.id, node.attr) != ("time", "sleep") or path.parts[0] == "tests", node.lineno
    assert not [module for module, _ in imports(path) if module.startswith("unittest.mock")]


def test_only_the_commands_search_everything() -> None:
    """`Scope.operator()` is for whoever owns the data folder; no reply to anybody else may use it."""
    callers = {
        str(path)
        for path in BOT
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "operator"
    }
    assert callers == {"bot/cli/search.py", "bot/cli/feedback.py"}
