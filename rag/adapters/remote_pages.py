"""Late interaction on a model server: another machine or process that runs `magpie embedder`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.adapters.model_server_client import PAUSES, ModelServerClient, checked_url, unfit
from rag.errors import EmbedderBusy
from rag.ports import PageTokens
from rag.setting_groups import EmbedSettings
from rag.wire import PageIdentity, PageImages, QuestionTokens, Texts

_PAGES_AT_ONCE = 4
"""Page images in a request. One takes the server up to a second."""


def open_remote_pages(settings: EmbedSettings, pauses: Sequence[float] = PAUSES) -> RemotePageEmbedder:
    """Return the late-interaction model of the server at `embed.url`; sends no request yet.

    Raise BadSetting for an invalid URL.
    """
    return RemotePageEmbedder(settings, checked_url(settings), pauses)


class RemotePageEmbedder(ModelServerClient):
    """Implements ports.PageEmbedder over HTTP."""

    _known = ""

    @property
    def identity(self) -> str:
        """Requested each time, because a restarted host may have another model."""
        self._known = self.get("/pages/identity", PageIdentity).identity
        return self._known

    def embed_pages(self, pictures: Sequence[bytes]) -> list[PageTokens | None]:
        found: list[PageTokens | None] = []
        for start in range(0, len(pictures), _PAGES_AT_ONCE):
            part = pictures[start : start + _PAGES_AT_ONCE]
            answer = self.post_pictures("/pages", part, PageImages)
            self._check(answer.identity)
            try:
                tokens = answer.tokens()
            except ValueError as error:
                raise unfit(str(error)) from error
            if len(tokens) != len(part):
                raise unfit(f"it returned the vectors of {len(tokens)} pages instead of {len(part)}")
            found += tokens
        return found

    def embed_question(self, text: str) -> NDArray[np.float32]:
        answer = self.post("/pages/question", Texts(texts=[text]), QuestionTokens, 1)
        self._check(answer.identity)
        try:
            return answer.rows()
        except ValueError as error:
            raise unfit(str(error)) from error

    def _check(self, identity: str) -> None:
        if self._known and identity != self._known:
            raise EmbedderBusy("The GPU host has another model now.", "Vectors are computed again automatically.")
