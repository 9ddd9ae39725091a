"""Ask the engine within a scope: show how far an answer is, as long as that may be shown, and find pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bot.access.policy import Access, Granted
from bot.answers import render
from bot.answers.fair_lock import FairLock, key
from bot.answers.render import FoundPicture
from bot.answers.scope_watch import ScopeWatch
from bot.answers.task import AnswerTask, Throttle
from bot.slack.blocks import escape
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, SlackFiles
from bot.slack.messages import answer_texts, progress_texts
from bot.telemetry.telemetry import Telemetry
from rag import (
    Answer,
    AnswerOptions,
    AnswerProgress,
    AnswerStage,
    Rag,
    Scope,
    SearchResult,
    Unreadable,
    documents_of_source,
)


class Asking:
    """Ask the engine of one workspace. Thread-safe."""

    def __init__(self, rag: Rag, files: SlackFiles, access: Access, fair: FairLock, telemetry: Telemetry) -> None:
        self._rag = rag
        self._files = files
        self._access = access
        self._fair = fair
        self._telemetry = telemetry

    def watch(self, granted: Granted) -> ScopeWatch:
        """Return the state of a scope that was just granted. Call it before anything is read within it."""
        return ScopeWatch(self._rag, self._access, granted)

    def ask(
        self,
        work: AnswerTask,
        query: str,
        scope: Scope,
        watch: ScopeWatch,
        options: AnswerOptions,
        pictures: Sequence[str] = (),
    ) -> Answer:
        """Return an answer. Show what was found meanwhile, and each statement of the answer once it was checked.

        `pictures`: ids of screenshots to search with. Raise Unreadable if one of them is not a picture.
        """

        def show_if_allowed(text: str) -> None:
            if watch.is_unchanged(work.question):
                work.show(text)
            else:  # what was shown before may not be shown any more
                work.show(escape(progress_texts.SEARCHING))

        show = Throttle(show_if_allowed)
        checked: list[str] = []
        places: list[str] = []

        def on_progress(progress: AnswerProgress) -> None:
            work.check()
            checked.append(progress.text)
            places.extend(dict.fromkeys(passage.hit.place for passage in progress.passages))
            if progress.stage is AnswerStage.SEARCHING:  # the placeholder says that
                return
            if work.stream is not None and work.stream.is_on:
                may_be_streamed = watch.is_unchanged(work.question)
                if may_be_streamed:
                    work.stream.show(progress.stage, "".join(checked), places)
                else:  # then nothing of it may be shown any more
                    work.stream.withdraw()
            elif show.is_due:
                show(render.unfinished(progress.stage, "".join(checked), places))

        with self._downloaded(pictures) as paths:
            return self._rag.ask(query, scope, paths, on_progress, partial(self._turn, work), options)

    @contextmanager
    def _turn(self, work: AnswerTask) -> Iterator[None]:
        """Hold the lock around the model for the `with` block."""
        with ExitStack() as held:
            with self._telemetry.stage("turn"):
                held.enter_context(self._fair.acquire(key(work.claimed), work.check))
            yield

    def find_pages(self, work: AnswerTask, pictures: Sequence[str], scope: Scope) -> list[FoundPicture]:
        """Return the page that each screenshot shows."""
        found = []
        for picture in pictures:
            work.check()
            try:
                found.append(self._found(self.find_picture(picture, scope)))
            except Unreadable as error:
                found.append(FoundPicture(problem=answer_texts.unreadable_image(str(error), error.hint)))
        return found

    def find_picture(self, picture: str, scope: Scope, k: int = 10) -> SearchResult:
        """Return the pages that a picture shows. Raise NotFound, or Unreadable if it is too large or not a picture."""
        with self._downloaded([picture]) as [path]:
            return self._rag.find_picture(path, scope, k)

    def without_pictures(self, scope: Scope, pictures: Sequence[str]) -> Scope:
        """Return a scope without these pictures: they may be indexed too, and would be found instead of their pages."""
        with self._rag.read_transaction() as connection:
            own = [documents_of_source(connection, KIND, picture, scope) for picture in pictures]
        return Scope(scope.spaces, scope.documents, scope.without.union(*own), scope.shares)

    def _found(self, result: SearchResult) -> FoundPicture:
        if not result.found or not result.hits:
            return FoundPicture(nearest=result.hits)
        first = result.hits[0]
        return FoundPicture(first, self._rag.draw_page(first) if first.why else first.page_image)

    @contextmanager
    def _downloaded(self, pictures: Sequence[str]) -> Iterator[list[Path]]:
        """Download pictures to temporary files. Raise NotFound, or Unreadable if one is too large."""
        if not pictures:
            yield []
            return
        self._rag.expect_picture()
        with self._rag.scratch() as folder:
            paths = []
            for number, picture in enumerate(pictures):
                raw = self._files.ready(picture)
                path = Path(folder) / f"picture{number}.{slack_file(raw).ending}"
                self._files.download(raw, path)
                paths.append(path)
            yield paths
