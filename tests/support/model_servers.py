"""The fake model servers of both protocols, for tests that hold for either."""

from __future__ import annotations

import base64
import re
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias

from tests.support.ollama_server import OllamaServer, ollama_server
from tests.support.openai_server import OpenAIServer, openai_server

Api: TypeAlias = Literal["ollama", "openai"]
APIS: tuple[Api, ...] = ("ollama", "openai")

ModelServer: TypeAlias = OllamaServer | OpenAIServer


def model_server(api: Api) -> AbstractContextManager[ModelServer]:
    """Serve the model sees:4b with vision and reads:1b without, by this protocol."""
    return ollama_server() if api == "ollama" else openai_server()


def sent_pictures(api: Api, chat: dict[str, Any]) -> list[bytes]:
    """Return the pictures of a request's last message: `images` in Ollama's protocol, data URLs in OpenAI's."""
    message = chat["messages"][-1]
    if api == "ollama":
        return [base64.b64decode(image, validate=True) for image in message.get("images", ())]
    urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
    found = [re.fullmatch(r"data:image/(?:png|jpeg);base64,(\S+)", url) for url in urls]
    return [base64.b64decode(each[1], validate=True) for each in found if each]
