"""`magpie models`: what is downloaded, and under which license."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rag import ModelSummary, terms_of_model
from rag.model.operations import ModelKind, PublishedFigure
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine
from tests.support.terminal import Terminal, open_terminal

ROOT = Path(__file__).resolve().parents[3]


def test_models_are_listed_by_what_they_are_for(run: Run) -> None:
    figure = PublishedFigure("MTEB-R", 57.03, "a README")
    rows = [
        ModelSummary("ViT-B-32", "laion2b", "0.6 GB", cached=True, used=True, note="", license="MIT"),
        ModelSummary(
            "BAAI/bge-reranker-v2-m3",
            "",
            "2.3 GB",
            cached=False,
            used=False,
            note="",
            kind=ModelKind.RERANKER,
            size="0.57 B",
            good_at="many languages",
            figures=(figure,),
        ),
    ]
    _, out, _ = run(FakeEngine(rows=rows), "models", "list")
    lines = [line.strip() for line in out.splitlines()]
    assert lines.index("ViT-B-32  laion2b") < lines.index("Rerankers (MAGPIE_RERANK__MODEL=st:NAME)")
    assert lines[-4:] == [
        "BAAI/bge-reranker-v2-m3",
        "not downloaded; 0.57 B parameters, 2.3 GB",
        "Good at: many languages",
        "MTEB-R: 57.03 (a README)",
    ]
    assert not any(line.startswith("Texts") for line in lines)


def test_models_pull_prints_the_path_of_the_weights(run: Run) -> None:
    engine = FakeEngine()
    code, out, err = run(engine, "models", "pull", "ViT-B-32", "laion2b_s34b_b79k")
    assert code == 0
    assert engine.asked == [("models",), ("pull", "ViT-B-32", "laion2b_s34b_b79k")]
    assert "weights.pt" in out
    assert "fetching" in err


def test_models_pull_asks_before_it_downloads_what_may_not_be_used_freely(run: Run) -> None:
    engine = FakeEngine()
    code, _, err = run(engine, "models", "pull", "MobileCLIP2-S0")
    assert code == 2
    assert engine.asked == [("models",)]
    printed = " ".join(err.split())
    assert "License of MobileCLIP2-S0: Apple Machine Learning Research Model License" in printed
    assert "non-commercial scientific research only" in printed
    assert "add --yes" in printed
    assert run(engine, "models", "pull", "MobileCLIP2-S0", "--yes")[0] == 0
    assert engine.asked[-1] == ("pull", "MobileCLIP2-S0", None)
    _, _, err = run(engine, "models", "pull", "ViT-B-32", "laion2b_s34b_b79k")
    assert "License of ViT-B-32 laion2b_s34b_b79k: MIT" in err


PULL = """
import sys
from bot.cli.main import main
from tests.support.engine import FakeEngine
engine = FakeEngine()
code = main(["--data", *sys.argv[1:]], engine.opened)
print("asked for:", [call for call in engine.asked if call[0] == "pull"])
sys.exit(code)
"""


def in_terminal(data: Path, *command: str, code: int = 0) -> AbstractContextManager[Terminal]:
    """Run a command of magpie with a fake engine in a terminal."""
    return open_terminal([sys.executable, "-c", PULL, str(data), *command], code=code, PYTHONPATH=str(ROOT))


@pytest.mark.parametrize(
    ("model", "license", "typed"),
    [
        ("MobileCLIP2-S0", "Apple Machine Learning Research Model License", "y"),
        ("MobileCLIP2-S0", "Apple Machine Learning Research Model License", "n"),
        ("a-model-of-tomorrow", "not known to Magpie: see the model's page", ""),
    ],
    ids=["yes", "no", "license not known"],
)
def test_models_pull_asks_in_a_terminal_and_downloads_only_after_a_yes(
    tmp_path: Path, model: str, license: str, typed: str
) -> None:
    with in_terminal(tmp_path, "models", "pull", model, code=0 if typed == "y" else 1) as pull:
        pull.answer("May you use it under this license? [y/N]", typed)
        shown = pull.finish()
    before = shown.partition("May you use it")[0]
    assert f"License of {model}: {license}" in before
    assert "fetching" not in before
    if typed == "y":
        assert f"asked for: [('pull', '{model}', None)]" in shown
        assert "The weights are in:" in shown
    else:
        assert "asked for: []" in shown
        assert "Nothing was downloaded." in shown


def test_models_pull_without_a_terminal_asks_for_yes_if_the_license_is_not_known(run: Run) -> None:
    engine = FakeEngine()
    code, _, err = run(engine, "models", "pull", "a-model-of-tomorrow")
    assert code == 2
    assert engine.asked == [("models",)]
    assert "add --yes" in " ".join(err.split())
    assert run(engine, "models", "pull", "a-model-of-tomorrow", "--yes")[0] == 0


@pytest.mark.parametrize(
    ("name", "license", "is_restricted"),
    [
        ("llama4:scout", "Llama 4 Community License", True),
        ("gemma3:4b", "Gemma Terms of Use", True),
        ("google/embeddinggemma-300m", "Gemma Terms of Use", True),
        ("qwen3-vl:4b-instruct", "Apache-2.0", False),
        ("qwen2.5vl:7b", "Apache-2.0", False),
        ("gemma4:e4b", "Apache-2.0", False),
        ("qwen2.5vl:3b", "Qwen Research License", True),
        ("qwen2.5vl:72b", "Qwen License", True),
        ("ViT-B-32 laion2b_s34b_b79k", "MIT", False),
        ("intfloat/multilingual-e5-small", "MIT", False),
        ("a-model-of-tomorrow", "not known to Magpie: see the model's page", False),
    ],
)
def test_terms_of_a_model_are_found_by_its_name(name: str, license: str, is_restricted: bool) -> None:
    terms = terms_of_model(name)
    assert (terms.license, bool(terms.restriction)) == (license, is_restricted)


def test_models_pull_downloads_the_text_embedder_too(run: Run) -> None:
    row = ModelSummary("ViT-B-32", "laion2b_s34b_b79k", "0.6 GB", cached=False, used=True, note="", license="MIT")
    engine = FakeEngine(rows=[row], text_weights=Path("texts"))
    code, out, err = run(engine, "models", "pull")
    assert code == 0
    assert engine.asked == [("models",), ("pull", None, None), ("pull text",)]
    assert "weights.pt" in out
    assert "texts" in out
    assert "fetching texts" in err
    _, out, _ = run(engine, "models", "pull", "--json")
    assert json.loads(out) == {"path": "weights.pt", "text_path": "texts"}


def test_models_pull_asks_nothing_about_a_model_in_a_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAGPIE_TEXT__MODEL", f"st:{tmp_path}")
    row = ModelSummary("ViT-B-32", "laion2b_s34b_b79k", "0.6 GB", cached=False, used=True, note="", license="MIT")
    code, _, err = run(FakeEngine(rows=[row]), "models", "pull")
    assert code == 0
    assert str(tmp_path) not in err
