"""What is allocated while Chroma writes holds nothing of what was there before."""

import ctypes
import platform

import pytest

from rag.adapters.zero_memory import Zeroing

SIZE = 40_000
"""Bytes; below what the C library asks the system for anew each time."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to")
def test_memory_is_zeroed_while_asked_for_and_not_after() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]

    def dirtied() -> None:
        blocks = [libc.malloc(SIZE) for _ in range(20)]
        for block in blocks:
            ctypes.memset(block, ord("x"), SIZE)
        for block in blocks[:-1]:
            libc.free(block)

    def taken() -> int:
        block = libc.malloc(SIZE)
        found = ctypes.string_at(block, SIZE).count(b"x")
        libc.free(block)
        return found

    zeroed = Zeroing()
    dirtied()
    with zeroed():
        with zeroed():
            assert taken() == 0
        dirtied()
        assert taken() == 0, "somebody is inside still"
    dirtied()
    assert taken() > SIZE // 2, "what lay there is there still: the guard is needed"
