"""Memory allocated while Chroma writes contains no older data."""

import ctypes
import platform

import pytest

from rag.adapters.zero_memory import Zeroing

SIZE = 40_000
"""Bytes; smaller than blocks that the C library requests from the system each time."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only with glibc")
def test_memory_is_zeroed_only_inside_the_context() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]

    def fill_and_free() -> None:
        blocks = [libc.malloc(SIZE) for _ in range(20)]
        for block in blocks:
            ctypes.memset(block, ord("x"), SIZE)
        for block in blocks[:-1]:
            libc.free(block)

    def count_dirty_bytes() -> int:
        block = libc.malloc(SIZE)
        found = ctypes.string_at(block, SIZE).count(b"x")
        libc.free(block)
        return found

    zeroed = Zeroing()
    fill_and_free()
    with zeroed():
        with zeroed():
            assert count_dirty_bytes() == 0
        fill_and_free()
        assert count_dirty_bytes() == 0, "the outer context is still active"
    fill_and_free()
    assert count_dirty_bytes() > SIZE // 2, "old data is still there: zeroing is needed"
