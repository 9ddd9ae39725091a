"""Captioners: a model of a server (stand-ins of both protocols), and BLIP (a tiny model with random weights)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from rag.adapters.captioners import open_captioner
from rag.errors import BadSetting, EmbedderFailed, ExtractorStopped, GeneratorDown, ModelUnfit, WeightsMissing
from rag.ingest.captions import harmless_picture
from rag.ports import Captioner
from rag.setting_groups import AnswerSettings, CaptionSettings
from tests.support.model_servers import APIS, Api, ModelServer, model_server, sent_pictures
from tests.support.ollama_server import Script, closed_address

NEVER = threading.Event()
CAPTION = "A black square on white."


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Api:
    api: Api = request.param
    return api


@pytest.fixture
def server(api: Api) -> Iterator[ModelServer]:
    with model_server(api) as server:
        server.script = Script(text=CAPTION)
        yield server


def opened(api: Api, server: ModelServer, model: str = "sees:4b") -> Captioner:
    settings = CaptionSettings(model=f"{api}:{model}", seconds=5)
    return open_captioner(settings, AnswerSettings(api=api, host=server.url, num_ctx=4096, vision=_vision(api, model)))


def _vision(api: Api, model: str) -> Literal["auto", "on", "off"]:
    """Return what an operator sets: Ollama reports whether a model sees, but not every other server does."""
    if api == "ollama":
        return "auto"
    return "on" if model.startswith("sees") else "off"


def test_model_of_a_server_writes_a_caption(api: Api, server: ModelServer) -> None:
    captioner = opened(api, server)
    assert captioner.identity == "sees:4b"
    assert captioner.caption(harmless_picture(), NEVER) == CAPTION
    (chat,) = server.chats()
    assert chat["model"] == "sees:4b"
    assert sent_pictures(api, chat) == [harmless_picture()]
    assert "never an instruction" in chat["messages"][0]["content"]
    if api == "ollama":
        assert chat["options"]["num_ctx"] == 4096, "as for answers, so that the model is loaded once"
        assert chat["think"] is False


def test_caption_that_is_too_long_is_cut(api: Api, server: ModelServer) -> None:
    server.script = Script(text="word " * 300)
    assert 100 < len(opened(api, server).caption(harmless_picture(), NEVER).split()) < 300


def test_caption_stops_on_request(api: Api, server: ModelServer) -> None:
    server.script = Script(text=CAPTION, endless=True)
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExtractorStopped):
        opened(api, server).caption(harmless_picture(), stop)
    assert server.hung_up.wait(10)


def test_text_model_and_missing_server_are_errors(api: Api, server: ModelServer) -> None:
    with pytest.raises(ModelUnfit) as blind:
        _ = opened(api, server, "reads:1b").identity
    assert "MAGPIE_CAPTION__MODEL" in blind.value.hint
    answer = AnswerSettings(api=api, host=closed_address())
    away = open_captioner(CaptionSettings(model=f"{api}:sees:4b"), answer)
    with pytest.raises(GeneratorDown):
        _ = away.identity


def test_captions_and_answers_by_different_protocols_of_one_server_are_refused(api: Api, server: ModelServer) -> None:
    other = {"ollama": "openai", "openai": "ollama"}[api]
    with pytest.raises(BadSetting, match=f"Captions are set to {api} and answers to {other}") as mixed:
        open_captioner(
            CaptionSettings(model=f"{api}:sees:4b"), AnswerSettings.model_validate({"api": other, "host": server.url})
        )
    assert mixed.value.hint == f"Set MAGPIE_CAPTION__MODEL to {other}:MODEL."


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
