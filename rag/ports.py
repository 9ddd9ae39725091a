"""The seams: what rag needs of the outside, as Protocols. Adapters and the tests' fakes satisfy them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from rag.model import Inspection, Line, Modality, PageReading, Scope

Vector: TypeAlias = NDArray[np.float32]
"""One unit-length row of shape (dim,)."""


class Reader(Protocol):
    """Bytes to pages, in a guarded process. One caller at a time per reader."""

    version: str
    """Changes when the same bytes would be read differently; part of a reading's key."""

    def inspect(self, path: Path) -> Inspection:
        """Raise Unreadable (encrypted, empty, damaged, wrong type, too many pages or pixels)."""
        ...

    def read(self, path: Path, first: int, last: int, into: Path) -> list[PageReading]:
        """Pages `first` to `last` (1-based, both included); renders and crops are written to `into`.

        Every page of the range comes back, one that crashed or hung the process with `error` set.
        Raise Unreadable for the file as a whole, ReaderStopped after `close`.
        """
        ...

    def close(self) -> None:
        """End for good. Any thread may call it, also while another reads: that one gets ReaderStopped."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is known of a source once its bytes are here; an empty name leaves the shares' names alone."""

    mtime_ns: int | None = None
    size: int | None = None
    name: str = ""
    link: str | None = None


class Fetcher(Protocol):
    """Brings the bytes of one kind of source. Called from several threads at once."""

    def __call__(self, ref: str, into: Path) -> Fetched:
        """Write the bytes of `ref` to the new file `into`.

        Raise Unreadable when they never can be had; TryAgain or OperatorMustAct when it may work later (asked again
        with growing pauses, for a day); NotFound when the source is no more, or nobody's business: its shares go.
        """
        ...


ReadTransaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""Opens a read transaction on the catalog."""

OpenFetchers: TypeAlias = Callable[[ReadTransaction], Mapping[str, Fetcher]]
"""Builds the fetchers by kind of source."""


@runtime_checkable
class HostFetcher(Fetcher, Protocol):
    """A Fetcher that asks strangers' servers, which may be slow on purpose.

    Its sources are fetched by threads of their own, `web.at_once` of them, and one of each host at a time: so a slow
    host holds up neither the reading nor other hosts.
    """

    def host(self, ref: str) -> str:
        """The host that `ref` is fetched from, the same for every way to write it. Raise nothing."""
        ...


class Ocr(Protocol):
    """Recognise the words of one picture. Runs inside the reading process."""

    def read(self, picture: Path) -> list[Line]:
        """Lines top to bottom with word boxes as fractions of the picture; [] when there are none."""
        ...


class Embedder(Protocol):
    """Pictures and texts into one vector space. Called from one thread at a time."""

    @property
    def identity(self) -> str:
        """Model, weights' hash and preprocessing: 3 to 60 letters, digits, `.`, `_`, `-`. Loads nothing twice."""
        ...

    @property
    def dim(self) -> int: ...

    def windows(self, text: str) -> list[str]:
        """Cut a text into pieces the text tower reads whole; every word is in one. [] for no words."""
        ...

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        """`windows` of many texts: one request where the embedder is another machine."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        """One vector per text; what lies past the tower's context is lost: use `windows` first."""
        ...

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        """One vector per picture file, None for a picture that cannot be decoded."""
        ...


Prepared: TypeAlias = Any
"""A picture or a text as its model wants it; only the embedder that prepared it knows what it is."""


class Watch(Protocol):
    """Who is told what an encoder's work takes, in seconds; called from several threads."""

    def prepared(self, modality: Modality, seconds: float, /) -> None:
        """Of one picture, or of the texts of one request."""
        ...

    def encoded(self, modality: Modality, count: int, seconds: float, /) -> None:
        """Of one batch."""
        ...


class Encoder(Embedder, Protocol):
    """An Embedder in two steps, so that what many clients send can be encoded together.

    `prepare_*` and `windows_of` may be called from any thread, everything else from one. Every member may raise
    OperatorMustAct; `encode_*` do when there is no memory.
    """

    def prepare_picture(self, picture: bytes) -> Prepared:
        """Raise Unreadable for what cannot be decoded, or has too many pixels."""
        ...

    def prepare_texts(self, texts: Sequence[str]) -> list[Prepared]: ...

    def encode_pictures(self, prepared: Sequence[Prepared]) -> list[Vector]:
        """One vector each, in one forward pass."""
        ...

    def encode_texts(self, prepared: Sequence[Prepared]) -> list[Vector]:
        """One vector each, in one forward pass."""
        ...


@runtime_checkable
class Movable(Protocol):
    """An embedder that can leave the card it shares with a generator. Doing either twice is no error."""

    def leave(self) -> None:
        """Take the weights off the card and free what is cached there; until `back` vectors come slowly."""
        ...

    def back(self) -> None:
        """Raise EmbedderFailed, and stay away, when the card has no room."""
        ...


class TextEmbedder(Protocol):
    """Texts into a space of their own, asked and answered differently. Called from one thread at a time.

    Every member may raise OperatorMustAct (no weights, no server, the wrong model) or TryAgain.
    """

    @property
    def identity(self) -> str:
        """Model, weights and prefixes: 3 to 60 letters, digits, `.`, `_`, `-`. May ask a server."""
        ...

    @property
    def dim(self) -> int: ...

    def windows(self, text: str) -> list[str]:
        """Cut a text into pieces the model reads whole; every word is in one. [] for no words."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector per text, as something to be found."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """One vector per text, as something looked for: many models want another prefix here."""
        ...


@dataclass(frozen=True, slots=True)
class StoredVector:
    """A vector as the store keeps it: which window of which chunk of which document."""

    chunk: int
    window: int
    document: int
    modality: Modality
    vector: Vector


@dataclass(frozen=True, slots=True)
class Neighbour:
    chunk: int
    window: int
    similarity: float
    """Cosine, -1 to 1."""


class VectorStore(Protocol):
    """A copy of the catalog's vectors that finds the nearest. Holds ids and numbers, never text or spaces.

    Written by the owner alone. Every method may raise StoreBroken (drop and fill again) or Busy.
    """

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        """Insert or replace; an embedder's first row makes its collection."""
        ...

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbour]:
        """The k nearest, best first, of one modality; `among` (chunk, window) limits the search to these."""
        ...

    def remove(self, rows: Sequence[tuple[int, int]]) -> None:
        """Forget (chunk, window) in every collection; unknown ones are no error."""
        ...

    def count(self, identity: str) -> int: ...

    def drop(self, identity: str | None = None) -> None:
        """Delete an embedder's collections, or all of them; also when they are broken."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """The words of one chunk."""

    chunk: int
    document: int
    title: str
    heading: str
    caption: str
    body: str


class WordIndex(Protocol):
    """Full text with BM25, inside the catalog's transactions: a chunk and its words appear together."""

    def add(self, connection: Connection, entries: Iterable[Entry]) -> None: ...

    def replace(self, connection: Connection, entry: Entry) -> None:
        """Other words for one chunk, or its first ones."""
        ...

    def remove(self, connection: Connection, reading_id: int) -> None:
        """Take out the words of a reading's chunks; called before the chunks go."""
        ...

    def optimize(self, connection: Connection) -> None:
        """Leave no deleted word in an old segment."""
        ...

    def search(
        self, connection: Connection, words: Sequence[str], scope: Scope, limit: int
    ) -> list[tuple[int, int, int, float]]:
        """(chunk, document, page, BM25 above 0), best first, of chunks in scope with at least one of the words; a word
        given twice counts twice."""
        ...

    def holders(self, connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, set[int]]:
        """{word: the chunks in scope that have it}, by the index's own stemming."""
        ...

    def counts(self, connection: Connection, words: Sequence[str]) -> dict[str, int]:
        """{word: how many chunks of all that is indexed have it}, by the index's own stemming."""
        ...

    def count(self, connection: Connection, scope: Scope) -> int:
        """How many chunks with words the scope has."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the generator is asked. Pictures are PNG or JPEG bytes, each announced in `user`.

    `shown`, `shortened` and `pictured` are the numbers of the passages that are in it, that are in it in part, and
    whose picture is; `tokens` is an upper estimate of all of it. `longest` and `seconds` bound the answer where that
    is less than what is set: in tokens, and between two of its pieces.
    """

    system: str
    user: str
    pictures: tuple[bytes, ...] = ()
    shown: tuple[int, ...] = ()
    shortened: tuple[int, ...] = ()
    pictured: tuple[int, ...] = ()
    tokens: int = 0
    longest: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ability:
    """What the model at hand can do. `window` is how many tokens it reads at most; 0: not known."""

    model: str
    vision: bool
    window: int = 0


class Captioner(Protocol):
    """Says in words what pictures show. Called from one thread at a time."""

    @property
    def identity(self) -> str:
        """The model as readers are told, at most 128 characters. Raise OperatorMustAct or TryAgain when it is not to
        be had."""
        ...

    def caption(self, picture: bytes, stop: threading.Event) -> str:
        """A few sentences on a JPEG. Raise TryAgain, OperatorMustAct, or ReaderStopped soon after `stop` is set."""
        ...


class Pieces(Iterator[str], Protocol):
    """An answer as it comes. Closing it, at any time, stops the generation; closing it twice is no error."""

    def close(self) -> None: ...


class Generator(Protocol):
    """Writes answers. Every call may raise GeneratorDown, ModelMissing, ModelUnfit, GeneratorBusy,
    GeneratorTimeout or GeneratorFailed."""

    def ability(self) -> Ability:
        """Ask the server what the model can do; cheap, never loads it."""
        ...

    def stream(self, prompt: Prompt) -> Pieces:
        """Pieces of the answer as they come. Nothing is sent before the first is asked for.

        A stream that ends without its closing frame raises GeneratorFailed; an answer cut at the
        length limit, or made of a prompt of which the server read less than there is, raises AnswerCut (a
        GeneratorFailed) after its pieces were yielded.
        """
        ...

    def close(self) -> None: ...
