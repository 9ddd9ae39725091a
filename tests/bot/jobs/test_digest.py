"""Up to which time a digest names files: those that are not read yet wait for the next one."""

from __future__ import annotations

import pytest

from bot.jobs.digest import _named, _until
from rag import IndexState, SharedFile

NOW, DAY = 1_000_000.0, 24 * 3600.0


def file(ref: str, at: float, state: IndexState) -> SharedFile:
    return SharedFile("slack", ref, 1, f"{ref}.pdf", None, "C1", "U1", NOW - 9 * DAY, "1.1", "", state, added_at=at)


@pytest.mark.parametrize(
    ("files", "until"),
    [
        ([], NOW),
        ([file("F1", NOW - 50, IndexState.READY), file("F2", NOW - 60, IndexState.FAILED)], NOW),
        ([file("F1", NOW - 50, IndexState.READY), file("F2", NOW - 60, IndexState.READING)], NOW - 60),
        ([file("F1", NOW - 50, IndexState.WAITING), file("F2", NOW - 2 * DAY, IndexState.WAITING)], NOW - 50),
    ],
)
def test_digest_ends_before_the_first_file_that_is_still_read(files: list[SharedFile], until: float) -> None:
    assert _until(files, NOW) == until


def test_file_that_several_messages_share_is_named_once() -> None:
    files = [file("F1", NOW - at, IndexState.READY) for at in (1, 2)] + [file("F2", NOW - 3, IndexState.FAILED)]
    assert [each.ref for each in _named(files)] == ["F1"]
