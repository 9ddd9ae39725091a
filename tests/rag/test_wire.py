"""Packed pictures and vectors are unpacked unchanged, and damaged messages are refused."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.wire import RejectedPicture, Vectors, pack_pictures, unpack_pictures


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_unpacked_pictures_are_the_packed_ones(pictures: list[bytes]) -> None:
    assert unpack_pictures(pack_pictures(pictures)) == pictures


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5), st.data())
def test_truncated_body_is_never_read_as_complete(pictures: list[bytes], data: st.DataObject) -> None:
    body = pack_pictures(pictures)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        found = unpack_pictures(cut)
    except ValueError:
        return
    assert found == pictures[: len(found)]  # cut between two: the client counts what comes back
    assert len(found) < len(pictures)


@given(st.binary(max_size=100))
def test_any_bytes_are_unpacked_or_raise_an_error(body: bytes) -> None:
    with suppress(ValueError):
        assert pack_pictures(unpack_pictures(body)) == body


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 40))
def test_vectors_keep_their_positions(refused: list[bool], dim: int) -> None:
    made = np.random.default_rng(len(refused)).standard_normal((refused.count(False), dim)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    out = [RejectedPicture(index=n, reason="damaged") for n, bad in enumerate(refused) if bad]
    received = Vectors.model_validate_json(Vectors.of("abc", dim, list(made), out).model_dump_json())
    found = received.rows(len(refused))
    assert [vector is None for vector in found] == refused
    whole = [vector for vector in found if vector is not None]
    assert all(np.array_equal(one, other) for one, other in zip(whole, made, strict=True))


def test_refuses_inconsistent_vectors() -> None:
    one = Vectors.of("abc", 2, [np.array([1, 0], dtype=np.float32)])
    with pytest.raises(ValueError, match="1 vectors and 0 refusals for 2"):
        one.rows(2)
    with pytest.raises(ValueError, match="refusals for 1"):
        Vectors.of("abc", 2, [], [RejectedPicture(index=5, reason="")]).rows(1)
    with pytest.raises(ValueError, match="length one"):
        Vectors.of("abc", 2, [np.array([3, 0], dtype=np.float32)]).rows(1)
    with pytest.raises(ValueError, match="not of length one"):
        Vectors.of("abc", 2, [np.array([np.nan, 0], dtype=np.float32)]).rows(1)
