"""Reranking by a server with /v1/rerank: vLLM, llama.cpp's server, LocalAI, Infinity, Jina's, or TEI's /rerank.

From their sources: results come best first, `index` says which passage each is of. vLLM, Infinity and Jina score from 0
to 1, llama.cpp sends the model's logits. TEI has /rerank only, takes `texts` instead of `documents`, and answers with a
list; every other server has no such path, or answers it as Jina does. llama.cpp answers 501 unless it was started with
--rerank. vLLM and llama.cpp refuse passages that are too long.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from rag.adapters.openai_client import ServerAddress, error_body, open_openai_client, response_error
from rag.adapters.openai_embed import TOO_LONG
from rag.adapters.openai_errors import map_errors, message_of
from rag.errors import GeneratorDown, ModelMissing, ModelUnfit, RerankerBusy, RerankerFailed, TryAgain
from rag.setting_groups import RerankSettings

_SHORTEST = 200
"""Characters below which a passage is not cut any further."""

_CANNOT_RERANK = (404, 405, 424, 501)
"""The last two are TEI's and llama.cpp's, for a model that is not a reranker."""


class ServerReranker:
    """Implements ports.ImageReranker. Requests are not waited for longer than the budget."""

    gives_probabilities = True

    def __init__(self, settings: RerankSettings, model: str) -> None:
        self._settings = settings
        self._model = model
        self._server = ServerAddress(settings.host, settings.api_key, settings.allow_public, "MAGPIE_RERANK")
        self._client: httpx.Client | None = None
        self._speaks_tei = False

    def open(self) -> None:
        """Check the address. The server is asked when there is something to rerank."""
        if self._client is None:
            self._client = open_openai_client(self._server, self._settings.budget_ms / 1000)

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        with self._map_errors():
            return _as_probabilities(self._request(question, list(passages)))

    def score_images(self, question: str, pictures: Sequence[bytes]) -> list[float]:
        """Send the pictures as vLLM takes them: each document as a list of content parts."""
        with self._map_errors():
            response = self._rerank(question, [_picture_document(picture) for picture in pictures])
            return _as_probabilities(self._read(response, len(pictures)))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _request(self, question: str, passages: list[str]) -> list[float]:
        """Return the scores as the server sends them. Passages that are too long for it are cut, and sent again."""
        response = self._post(question, passages)
        longest = max(map(len, passages))
        while response.status_code != httpx.codes.OK and longest > _SHORTEST and _is_too_long(response):
            longest //= 2
            response = self._post(question, [passage[:longest] for passage in passages])
        return self._read(response, len(passages))

    def _read(self, response: httpx.Response, count: int) -> list[float]:
        """Return the scores of a response in the order of the request. Raise the error that it reports."""
        if response.status_code != httpx.codes.OK:
            self._raise(response)
        body = response.json()
        rows = body if isinstance(body, list) else body["results"]
        scores = {int(row["index"]): float(row["score" if "score" in row else "relevance_score"]) for row in rows}
        found = [scores[index] for index in range(count)]
        if not all(map(math.isfinite, found)):
            raise RerankerFailed("The reranker returned a score that is not a number.", self._remedy)
        return found

    def _post(self, question: str, passages: list[str]) -> httpx.Response:
        self.open()
        assert self._client is not None
        if not self._speaks_tei:
            response = self._rerank(question, passages)
            if response.status_code != httpx.codes.NOT_FOUND or _names_a_model(response):
                return response
        path = self._client.base_url.copy_with(path="/rerank")
        response = self._client.post(path, json={"query": question, "texts": passages, "truncate": True})
        self._speaks_tei = response.status_code == httpx.codes.OK
        return response

    def _rerank(self, question: str, documents: Sequence[Any]) -> httpx.Response:
        self.open()
        assert self._client is not None
        body: dict[str, Any] = {"model": self._model, "query": question, "documents": list(documents)}
        return self._client.post("rerank", json=body | {"top_n": len(documents), "return_documents": False})

    def _raise(self, response: httpx.Response) -> None:
        error = response_error(response, self._model, self._settings.host)
        if response.status_code in _CANNOT_RERANK and not isinstance(error, ModelMissing):
            raise RerankerFailed(
                f"The server at {self._settings.host} cannot rerank ({response.status_code}).", self._remedy
            ) from error
        raise error

    @property
    def _remedy(self) -> str:
        return f"Serve a reranker as {self._model} (llama.cpp needs --rerank), or set MAGPIE_RERANK__MODEL."

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        """Raise each error as one of a reranker, with a remedy for its settings."""
        host = self._settings.host
        try:
            with map_errors(self._model, host):
                yield
        except GeneratorDown as error:
            remedy = "Start it, and check MAGPIE_RERANK__HOST and MAGPIE_RERANK__API_KEY."
            raise RerankerFailed(str(error), remedy) from error
        except ModelMissing as error:
            raise RerankerFailed(f"The model server at {host} does not have {self._model}.", self._remedy) from error
        except TryAgain as error:
            cause = str(error.__cause__ or error).splitlines() or [type(error).__name__]
            raise RerankerBusy(
                f"The server at {host} did not rerank: {cause[0][:200]}", "See the log of the model server."
            ) from error
        except ModelUnfit as error:
            raise RerankerFailed(str(error), self._remedy) from error


def _as_probabilities(scores: list[float]) -> list[float]:
    """Return the scores, or if they are logits, the probabilities that they stand for."""
    if all(0 <= score <= 1 for score in scores):
        return scores
    return [1 / (1 + math.exp(-max(-500.0, min(500.0, score)))) for score in scores]


def _picture_document(picture: bytes) -> dict[str, Any]:
    url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"
    return {"content": [{"type": "image_url", "image_url": {"url": url}}]}


def _message(response: httpx.Response) -> str:
    return message_of(error_body(response)).lower()


def _is_too_long(response: httpx.Response) -> bool:
    return any(phrase in _message(response) for phrase in TOO_LONG)


def _names_a_model(response: httpx.Response) -> bool:
    """Return whether a 404 is about a model that the server does not have, and not about the path."""
    return "model" in _message(response)
