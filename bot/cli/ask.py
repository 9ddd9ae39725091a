"""`magpie ask`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Engine, Json, invocation
from bot.cli.json_output import answer_json
from bot.cli.results import EMPTY, is_empty, note_translations
from bot.cli.terminal import Screen
from bot.slack.messages.answer_texts import still_reading
from bot.slack.messages.progress_texts import STAGES, found_places
from rag import Answer, AnswerProgress, AnswerStage, Scope

if TYPE_CHECKING:
    from rag import SharedFile

_NAMED = 3
"""Files that are not read yet whose names are shown."""


def register(app: typer.Typer) -> None:
    app.command()(ask)


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    picture: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A screenshot that the question is about.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Answer a question from the indexed files, with page citations and pictures of the cited places."""
    with invocation(context).open(data, json) as (rag, screen):
        progress = _Progress(screen)
        rag.load_reranker()
        answer = rag.ask(question, Scope.operator(), [picture] if picture else [], progress)
        unread = _unread_files(rag) if answer.abstained else []
        screen.write_json(answer_json(answer, unread))
        if answer.abstained and not unread and is_empty(rag):
            screen.say(EMPTY, style="bold")
            return
        show_answer(screen, answer, progress.shown)
        if unread:
            names = [file.title for file in unread[:_NAMED]]
            screen.say(still_reading(names, len(unread) - len(names)))
            screen.say("Ask again when `magpie status` says that they are read.")
        note_translations(screen, answer.found)


def _unread_files(rag: Engine) -> list[SharedFile]:
    """Return the files in which the answer may be that was not found."""
    from rag import list_unread_files  # needs SQL, which --help does not

    with rag.read_transaction() as connection:
        return list_unread_files(connection, Scope.operator())


class _Progress:
    """Prints each statement of an answer once it was checked. On a terminal, it also says what the answer waits for."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._stage: AnswerStage | None = None
        self.shown = ""

    def __call__(self, progress: AnswerProgress) -> None:
        if progress.passages:
            places = list(dict.fromkeys(passage.hit.place for passage in progress.passages))
            self._screen.note_if_terminal(found_places(places))
        if progress.stage is not self._stage and not self.shown:  # a note would disturb the text
            self._screen.note_if_terminal(STAGES[progress.stage])
        self._stage = progress.stage
        if progress.text:
            self._screen.stream(progress.text)
            self.shown += progress.text


def show_answer(screen: Screen, answer: Answer, streamed: str = "") -> None:
    """Print the answer with its citations and pictures. `streamed` is the text that was already printed."""
    notice = f"{answer.notice} {answer.remedy}".rstrip() if answer.notice else ""
    if streamed:
        screen.say()
        if streamed.strip() != answer.text.strip():
            screen.say()
            screen.say("The whole answer:", style="dim")
            screen.say(answer.text)
        if notice:
            screen.say()
            screen.say(notice, style="yellow")
    else:
        if notice:
            screen.say(notice, style="yellow")
            screen.say()
        screen.say(answer.text)
    places = [f"[{passage.number}] {passage.hit.region_label}" for passage in answer.cited]
    if any(place not in answer.text for place in places):  # quoted passages already name their places
        screen.say()
        for place in places:
            screen.say(place, style="bold")
    if answer.evidence:
        screen.say()
        screen.say("Pictures of the cited places:")
        for path in answer.evidence:
            screen.path(path)
