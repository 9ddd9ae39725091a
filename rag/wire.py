"""How pictures, texts and vectors travel between the GPU host and those who ask it.

A request with pictures is their bytes, each after its length (four bytes, most significant first). Everything else is
JSON; vectors are float32, least significant byte first, in base64.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rag.ports import Vector

PICTURES_TYPE = "application/octet-stream"
"""Not one that a web page may send to a stranger without asking first: no page in somebody's browser reaches a host
that listens on the loopback."""

MOST_TEXTS = 4096
"""Texts in one request."""

MOST_PICTURES = 256
"""Pictures in one request."""

_LENGTH = struct.Struct(">I")


def pack_pictures(pictures: Iterable[bytes]) -> bytes:
    return b"".join(part for picture in pictures for part in (_LENGTH.pack(len(picture)), picture))


def unpack_pictures(body: bytes) -> list[bytes]:
    """The pictures of a request. Raise ValueError for one that was not made by `pack_pictures`."""
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
    if len(found) > MOST_PICTURES:
        raise ValueError(f"more than {MOST_PICTURES} pictures")
    return found


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Identity(_Shape):
    """What a host embeds with, and the size of the batches it likes."""

    identity: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{3,60}$")]
    dim: Annotated[int, Field(ge=1, le=65536)]
    pictures: Annotated[int, Field(ge=1)]
    texts: Annotated[int, Field(ge=1)]
    max_mb: Annotated[int, Field(ge=1)]


class Texts(_Shape):
    texts: Annotated[list[str], Field(max_length=MOST_TEXTS)]


class Windows(_Shape):
    windows: list[list[str]]


class Refused(_Shape):
    """One picture that has no vector; `index` counts from 0 within its request."""

    index: Annotated[int, Field(ge=0)]
    reason: str


class Vectors(_Shape):
    """The vectors of a request in order, without those that were refused."""

    identity: str
    dim: Annotated[int, Field(ge=1)]
    vectors: str
    refused: list[Refused] = []

    @classmethod
    def of(cls, identity: str, dim: int, vectors: Sequence[Vector], refused: Sequence[Refused] = ()) -> Vectors:
        rows = np.asarray(vectors, dtype="<f4").reshape(len(vectors), dim)
        packed = base64.b64encode(rows.tobytes()).decode("ascii")
        return cls(identity=identity, dim=dim, vectors=packed, refused=list(refused))

    def rows(self, wanted: int) -> list[Vector | None]:
        """One for each of the `wanted` that were sent, None for the refused. Raise ValueError when they do not add up,
        or are no unit vectors."""
        raw = base64.b64decode(self.vectors, validate=True)
        rows = np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(-1, self.dim)
        out = {refused.index for refused in self.refused}
        if len(rows) + len(out) != wanted or any(index >= wanted for index in out):
            raise ValueError(f"{len(rows)} vectors and {len(out)} refusals for {wanted} sent")
        if len(rows) and not (np.abs(np.linalg.norm(rows, axis=1) - 1) < 0.01).all():
            raise ValueError("vectors that are not of length one")
        made = iter(rows)
        return [None if index in out else next(made) for index in range(wanted)]


class Failure(_Shape):
    """What a host says when it does not answer with vectors."""

    error: str
    hint: str = ""


class Lease(_Shape):
    """`client` lends the card to a generator for at most so many seconds."""

    client: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    seconds: Annotated[float, Field(gt=0, le=3600)] = 600
