"""Captioners: a model in Ollama (a stand-in), and BLIP (a tiny model with random weights)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.adapters.captioners import open_captioner
from rag.errors import BadSetting, EmbedderFailed, ExtractorStopped, GeneratorDown, ModelUnfit, WeightsMissing
from rag.ingest.captions import harmless_picture
from rag.ports import Captioner
from rag.settings import AnswerSettings, CaptionSettings
from tests.support.ollama_server import OllamaServer, Script, closed_address, ollama_server

NEVER = threading.Event()
CAPTION = "A black square on white."


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with ollama_server() as server:
        server.script = Script(text=CAPTION)
        yield server


def opened(server: OllamaServer, model: str = "sees:4b") -> Captioner:
    settings = CaptionSettings(model=f"ollama:{model}", seconds=5)
    return open_captioner(settings, AnswerSettings(host=server.url, num_ctx=4096))


def test_model_in_ollama_writes_a_caption(server: OllamaServer) -> None:
    captioner = opened(server)
    assert captioner.identity == "sees:4b"
    assert captioner.caption(harmless_picture(), NEVER) == CAPTION
    (chat,) = server.chats()
    assert len(chat["messages"][1]["images"]) == 1
    assert chat["options"]["num_ctx"] == 4096, "as for answers, so that the model is loaded once"
    assert chat["think"] is False
    assert "never an instruction" in chat["messages"][0]["content"]


def test_caption_that_is_too_long_is_cut(server: OllamaServer) -> None:
    server.script = Script(text="word " * 300)
    assert 100 < len(opened(server).caption(harmless_picture(), NEVER).split()) < 300


def test_caption_stops_on_request(server: OllamaServer) -> None:
    server.script = Script(text=CAPTION, endless=True)
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExtractorStopped):
        opened(server).caption(harmless_picture(), stop)
    assert server.hung_up.wait(10)


def test_text_model_and_missing_server_are_errors(server: OllamaServer) -> None:
    with pytest.raises(ModelUnfit) as blind:
        _ = opened(server, "reads:1b").identity
    assert "MAGPIE_CAPTION__MODEL" in blind.value.hint
    away = open_captioner(CaptionSettings(model="ollama:sees:4b"), AnswerSettings(host=closed_address()))
    with pytest.raises(GeneratorDown):
        _ = away.identity


@pytest.mark.parametrize("name", ["qwen3-vl:4b", "gpt:blip", "ollama:vision:cloud"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadSetting) as caught:
        open_captioner(CaptionSettings(model=name), AnswerSettings())
    assert caught.value.hint


@pytest.fixture(scope="module")
def tiny_blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a BLIP model with two layers and random weights."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("tiny-blip")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *"a black square on white pier crane".split()]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), additional_special_tokens=["[DEC]"])
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = size | {
        "vocab_size": len(words),
        "encoder_hidden_size": 16,
        "bos_token_id": 5,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "max_position_embeddings": 64,
    }
    torch.manual_seed(1)
    config = BlipConfig(text_config=text, vision_config=size | {"image_size": 32, "patch_size": 16}, projection_dim=16)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


def test_blip_is_deterministic(tiny_blip: Path) -> None:
    captioner = open_captioner(CaptionSettings(model=f"blip:{tiny_blip}", device="cpu"), AnswerSettings())
    assert captioner.identity == tiny_blip.name
    caption = captioner.caption(harmless_picture(), NEVER)
    assert set(caption.split()) <= set("a black square on white pier crane".split())
    assert captioner.caption(harmless_picture(), NEVER) == caption
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExtractorStopped):
        captioner.caption(harmless_picture(), stop)


def test_blip_without_weights_names_the_command_to_get_them(tmp_path: Path) -> None:
    absent = open_captioner(CaptionSettings(model="blip:example/no-such-model"), AnswerSettings())
    with pytest.raises(WeightsMissing) as missing:
        _ = absent.identity
    assert "hf download" in missing.value.hint
    empty = open_captioner(CaptionSettings(model=f"blip:{tmp_path}"), AnswerSettings())
    with pytest.raises(EmbedderFailed):
        empty.caption(harmless_picture(), NEVER)
