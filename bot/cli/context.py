"""What every command shares: the options `--data` and `--json`, the settings, and opening the engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from bot import engine
from bot.cli.redaction import Mask, RedactingHandler
from bot.cli.terminal import Screen
from rag import keep_reserve, make_room

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from rag import (
        Check,
        ConfidenceModel,
        FileReading,
        IndexOutcome,
        ModelSummary,
        Progress,
        Scope,
        Settings,
        Status,
        StoredData,
        StoredShare,
        TrainedProjection,
    )

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Data folder; overrides MAGPIE_DATA.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, for scripts.")]


class Engine(engine.Engine, Protocol):
    """The part of `rag.Rag` that the commands use."""

    def index(
        self, paths: Sequence[Path | str], space: str = ..., report: Callable[[Progress], None] = ...
    ) -> list[IndexOutcome]: ...
    def load_reranker(self) -> None: ...
    def status(self) -> Status: ...
    def file_readings(self, name: str) -> list[FileReading]: ...
    def list_stored_data(self) -> list[StoredData]: ...
    def doctor(self) -> Iterator[Check]: ...
    def forget(self, names: Sequence[str], space: str | None = ..., user: str | None = ...) -> list[str]: ...
    def find_shares(
        self, names: Sequence[str], space: str | None = ..., user: str | None = ...
    ) -> list[StoredShare]: ...
    def reindex(self, names: Sequence[str] = ..., report: Callable[[Progress], None] = ...) -> list[IndexOutcome]: ...
    def retry(self, names: Sequence[str] = ..., report: Callable[[Progress], None] = ...) -> list[IndexOutcome]: ...
    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> Mapping[tuple[int, int], Path]: ...
    def page_texts(self, pages: Collection[tuple[int, int]], scope: Scope) -> Mapping[tuple[int, int], str]: ...
    def list_models(self) -> list[ModelSummary]: ...
    def train_projection(self, report: Callable[[int, int], None] = ...) -> TrainedProjection: ...

    def save_confidence_models(self, decisions: Mapping[str, ConfidenceModel]) -> Path: ...
    def pull_model(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path: ...

    def pull_text_model(self, report: Callable[[str], None]) -> Path | None: ...

    # For the bot's own tables, which lie in the catalog's file.
    def write_transaction(self) -> AbstractContextManager[Connection]: ...
    def checkpoint(self) -> bool: ...


class Opener(Protocol):
    """Opens the engine. Without `upgrade`, a data folder of an older version is not changed: raise CatalogUnfit."""

    def __call__(self, settings: Settings, *, upgrade: bool) -> AbstractContextManager[Engine]: ...


@dataclass
class Invocation:
    """One run of `magpie`. `data` and `json` are the options given before the command's name.

    `folder` is the data folder, once the settings were read.
    """

    opener: Opener
    mask: Mask = field(default_factory=Mask)
    data: Path | None = None
    json: bool = False
    folder: Path | None = None
    logs: RedactingHandler | None = None

    @contextmanager
    def open(
        self, data: Path | None, json: bool, *, upgrade: bool = False, removes: bool = False
    ) -> Iterator[tuple[Engine, Screen]]:
        """Yield the engine and the terminal. The arguments are options given after the command's name; they win.

        `upgrade`: for commands that write. The others leave the data folder of an older version as it is. `removes`:
        for a command that makes space, and so has to work on a full disk.
        """
        screen = self.screen(json)
        settings = self.settings(data)
        if removes:
            make_room(settings.data)
        with ExitStack() as closing:
            with screen.busy("Opening the data folder …"):
                engine = closing.enter_context(self.opener(settings, upgrade=upgrade))
            yield engine, screen
        if upgrade:
            keep_reserve(settings.data)

    def screen(self, json: bool) -> Screen:
        return Screen(json=json or self.json)

    def data_folder(self, data: Path | None, default: Path | None = None) -> Path:
        """Return the data folder of `settings` with the same arguments."""
        return self.settings(data, default).data

    def settings(self, data: Path | None, default: Path | None = None) -> Settings:
        """Return the settings; `default` is the data folder if no option and no variable names one.

        From then on, the secrets in its settings file are masked, and logs have the format that the settings name.
        """
        from rag import load_settings  # needs Pydantic, which --help does not

        settings = load_settings(data or self.data)
        if default is not None and "data" not in settings.model_fields_set:
            settings = load_settings(default)
        self.folder = settings.data
        self.mask.add_file(settings.data)
        if self.logs is not None and settings.log.format == "json":
            self.logs.write_json(Screen().write_line)
        return settings


def invocation(context: typer.Context) -> Invocation:
    """Return the invocation that `main` passed to typer."""
    found = context.find_object(Invocation)
    if found is None:
        raise RuntimeError("commands run through bot.cli.main.main")
    return found


def existing_file(name: str) -> Path | None:
    """Return the path if a file of this name exists, else None."""
    try:
        path = Path(name).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long for a path, an unknown home, a zero byte
        return None
