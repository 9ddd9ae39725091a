"""What every command of `magpie` shares: the options `--data` and `--json`, the engine's door, the terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias

import typer

from bot.cli.terminal import Screen
from rag import Answer, Check, Found, Scope, Settings, Status, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from rag import ConfidenceModel, DocumentRow, Kept, ModelRow, Outcome, Progress, Trained

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder where everything lives.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for scripts to stdout.")]


class Engine(Protocol):
    """What the commands ask of rag; `Rag` is one."""

    def index(
        self, paths: Sequence[Path | str], space: str = ..., report: Callable[[Progress], None] = ...
    ) -> list[Outcome]: ...
    def find(self, query: str, scope: Scope, k: int = ...) -> Found: ...
    def find_picture(self, path: Path, scope: Scope, k: int = ...) -> Found: ...
    def ask(
        self,
        question: str,
        scope: Scope,
        picture: Path | None = ...,
        on_text: Callable[[str], None] | None = ...,
    ) -> Answer: ...
    def status(self) -> Status: ...
    def kept(self) -> list[Kept]: ...
    def doctor(self) -> Iterator[Check]: ...
    def forget(self, names: Sequence[str], space: str | None = ..., user: str | None = ...) -> list[str]: ...
    def reindex(self, names: Sequence[str] = ..., report: Callable[[Progress], None] = ...) -> list[Outcome]: ...
    def documents(self, scope: Scope) -> list[DocumentRow]: ...
    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> Mapping[tuple[int, int], Path]: ...
    def models(self) -> list[ModelRow]: ...
    def train_projection(self, report: Callable[[int, int], None] = ...) -> Trained: ...

    def keep_decisions(self, decisions: Mapping[str, ConfidenceModel]) -> Path: ...
    def pull(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path: ...

    # For the bot's own tables, which lie in the catalog's file.
    def reading(self) -> AbstractContextManager[Connection]: ...
    def writing(self) -> AbstractContextManager[Connection]: ...
    def leave_no_trace(self) -> bool: ...


Opener: TypeAlias = Callable[[Settings], AbstractContextManager[Engine]]


@dataclass
class Invocation:
    """One call of the command. Options may stand before the command's name, after it, or both."""

    opener: Opener
    data: Path | None = None
    json: bool = False

    @contextmanager
    def open(self, data: Path | None, json: bool, default: Path | None = None) -> Iterator[tuple[Engine, Screen]]:
        """The engine and the terminal, with what was said before the command's name as the fallback.

        `default` is the data folder when neither an option nor the environment names one.
        """
        screen = Screen(json=json or self.json)
        settings = self.settings(data, default)
        with ExitStack() as opening:
            with screen.busy("Opening the data folder …"):
                engine = opening.enter_context(self.opener(settings))
            yield engine, screen

    def data_folder(self, data: Path | None, default: Path | None = None) -> Path:
        """The data folder that `open` uses with the same arguments."""
        return self.settings(data, default).data

    def settings(self, data: Path | None, default: Path | None = None) -> Settings:
        """The settings that `open` uses with the same arguments."""
        settings = load_settings(data or self.data)
        if default is not None and "data" not in settings.model_fields_set:
            settings = load_settings(default)
        return settings


def invocation(context: typer.Context) -> Invocation:
    """The invocation that `main` put into typer's hands."""
    found = context.find_object(Invocation)
    if found is None:
        raise RuntimeError("commands run through bot.cli.main.main")
    return found


def file_named(name: str) -> Path | None:
    """The path when a name is that of a file that is there; None for anything else."""
    try:
        path = Path(name).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long for a path, no such home, a zero byte: these are words
        return None
