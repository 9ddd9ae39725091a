"""Late interaction on the model server: page images and questions, embedded in the thread that runs CLIP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from rag.errors import EmbedderBusy
from rag.ports import Offloadable, PageEmbedder
from rag.wire import PageIdentity, PageImages, QuestionTokens

_T = TypeVar("_T")

RunInModelThread = Callable[[Callable[[], None]], Future[None]]
"""Runs a call in the thread that owns the models, between two batches of CLIP."""


class PageServing:
    """Runs a late-interaction model between the batches of CLIP. Any thread may call it."""

    def __init__(self, embedder: PageEmbedder, run: RunInModelThread) -> None:
        """Load the model and embed a question. Raise OperatorMustAct if that fails."""
        self._embedder = embedder
        self._run = run
        self._is_off_gpu = False
        self.identity = PageIdentity(identity=embedder.identity)
        self.embed_question("a page").result()

    def embed_pages(self, pictures: Sequence[bytes]) -> Future[PageImages]:
        """Return the future tokens. Raise EmbedderBusy while the weights are off the GPU, because it takes minutes."""
        if self._is_off_gpu:
            raise EmbedderBusy("The GPU is lent to a generator.", "Magpie tries again.")
        return self._submit(lambda: PageImages.of(self.identity.identity, self._embedder.embed_pages(pictures)))

    def embed_question(self, text: str) -> Future[QuestionTokens]:
        return self._submit(lambda: QuestionTokens.of(self.identity.identity, self._embedder.embed_question(text)))

    def offload(self) -> None:
        """Move the weights off the GPU; call it in the thread that owns the models."""
        self._is_off_gpu = True
        if isinstance(self._embedder, Offloadable):
            self._embedder.offload()

    def reload(self) -> None:
        """Move the weights back to the GPU; call it in the thread that owns the models."""
        if isinstance(self._embedder, Offloadable):
            self._embedder.reload()
        self._is_off_gpu = False

    def _submit(self, call: Callable[[], _T]) -> Future[_T]:
        found: Future[_T] = Future()

        def run() -> None:
            if not found.set_running_or_notify_cancel():
                return
            try:
                found.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
                found.set_exception(error)

        self._run(run)
        return found
