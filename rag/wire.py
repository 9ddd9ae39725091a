"""The wire format of the model server, shared by its client and its app.

A request with pictures is a sequence of (length as 4 bytes big-endian, encoded picture). Everything else is JSON;
vectors are base64 of little-endian float32.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rag.ports import PageTokens, Vector

PICTURES_TYPE = "application/octet-stream"
"""Not a CORS-safelisted type: a web page cannot send it to a server on the loopback without a preflight request."""

MAX_TEXTS = 4096
"""Limit per request."""

MAX_PICTURES = 256
"""Limit per request."""

_LENGTH = struct.Struct(">I")


def pack_pictures(pictures: Iterable[bytes]) -> bytes:
    return b"".join(part for picture in pictures for part in (_LENGTH.pack(len(picture)), picture))


def unpack_pictures(body: bytes) -> list[bytes]:
    """Return the pictures of a request body. Raise ValueError if `pack_pictures` did not make it."""
    found: list[bytes] = []
    at = 0
    while at < len(body):
        if at + _LENGTH.size > len(body):
            raise ValueError("the body ends within a length")
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if at + length > len(body):
            raise ValueError("the body ends within a picture")
        found.append(body[at : at + length])
        at += length
    if len(found) > MAX_PICTURES:
        raise ValueError(f"more than {MAX_PICTURES} pictures")
    return found


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class ServerIdentity(_Shape):
    """A server's embedder, and its preferred batch sizes."""

    identity: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{3,60}$")]
    dim: Annotated[int, Field(ge=1, le=65536)]
    pictures: Annotated[int, Field(ge=1)]
    texts: Annotated[int, Field(ge=1)]
    max_mb: Annotated[int, Field(ge=1)]


class Texts(_Shape):
    texts: Annotated[list[str], Field(max_length=MAX_TEXTS)]


class Windows(_Shape):
    windows: list[list[str]]


class RejectedPicture(_Shape):
    """A picture without a vector; `index` is its position in the request, from 0."""

    index: Annotated[int, Field(ge=0)]
    reason: str


class Vectors(_Shape):
    """The vectors of a request in order, without the refused pictures."""

    identity: str
    dim: Annotated[int, Field(ge=1)]
    vectors: str
    refused: list[RejectedPicture] = []

    @classmethod
    def of(cls, identity: str, dim: int, vectors: Sequence[Vector], refused: Sequence[RejectedPicture] = ()) -> Vectors:
        rows = np.asarray(vectors, dtype="<f4").reshape(len(vectors), dim)
        packed = base64.b64encode(rows.tobytes()).decode("ascii")
        return cls(identity=identity, dim=dim, vectors=packed, refused=list(refused))

    def rows(self, count: int) -> list[Vector | None]:
        """Return one vector for each of the `count` inputs, None for a refused one.

        Raise ValueError if the counts do not match or a vector is not of unit length.
        """
        raw = base64.b64decode(self.vectors, validate=True)
        rows = np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(-1, self.dim)
        out = {refused.index for refused in self.refused}
        if len(rows) + len(out) != count or any(index >= count for index in out):
            raise ValueError(f"{len(rows)} vectors and {len(out)} refusals for {count} sent")
        if len(rows) and not (np.abs(np.linalg.norm(rows, axis=1) - 1) < 0.01).all():
            raise ValueError("vectors that are not of length one")
        made = iter(rows)
        return [None if index in out else next(made) for index in range(count)]


class PageIdentity(_Shape):
    """A server's late-interaction model."""

    identity: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{3,60}$")]


class PackedTokens(_Shape):
    """The tokens of a page image: int8 rows of `dim` values, and their boxes."""

    dim: Annotated[int, Field(ge=1, le=65536)]
    vectors: str
    boxes: str


class PageImages(_Shape):
    """The tokens of the page images of a request, in order; null for a picture that cannot be decoded."""

    identity: str
    pages: list[PackedTokens | None]

    @classmethod
    def of(cls, identity: str, pages: Sequence[PageTokens | None]) -> PageImages:
        packed = [
            None
            if page is None
            else PackedTokens(dim=page.vectors.shape[1], vectors=_packed(page.vectors), boxes=_packed(page.boxes))
            for page in pages
        ]
        return cls(identity=identity, pages=packed)

    def tokens(self) -> list[PageTokens | None]:
        """Return the tokens of each picture. Raise ValueError if a page has vectors without a box, or none."""
        found: list[PageTokens | None] = []
        for page in self.pages:
            if page is None:
                found.append(None)
                continue
            boxes = np.frombuffer(base64.b64decode(page.boxes, validate=True), np.uint8).reshape(-1, 4)
            vectors = np.frombuffer(base64.b64decode(page.vectors, validate=True), np.int8).reshape(-1, page.dim)
            if len(vectors) != len(boxes) or not len(vectors):
                raise ValueError(f"{len(vectors)} vectors of a page with {len(boxes)} boxes")
            found.append(PageTokens(vectors, boxes))
        return found


class QuestionTokens(_Shape):
    """The vectors of a question's tokens."""

    identity: str
    dim: Annotated[int, Field(ge=1, le=65536)]
    vectors: str

    @classmethod
    def of(cls, identity: str, rows: NDArray[np.float32]) -> QuestionTokens:
        return cls(identity=identity, dim=rows.shape[1], vectors=_packed(rows.astype("<f4")))

    def rows(self) -> NDArray[np.float32]:
        """Return unit rows. Raise ValueError if they are not of unit length."""
        raw = base64.b64decode(self.vectors, validate=True)
        rows = np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(-1, self.dim)
        if not (np.abs(np.linalg.norm(rows, axis=1) - 1) < 0.01).all():
            raise ValueError("vectors that are not of length one")
        return rows


class ErrorBody(_Shape):
    """The body of an error response."""

    error: str
    hint: str = ""


class Lease(_Shape):
    """`client` asks the server to free the GPU for a generator, for at most this many seconds."""

    client: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    seconds: Annotated[float, Field(gt=0, le=3600)] = 600


def _packed(rows: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(rows).tobytes()).decode("ascii")
