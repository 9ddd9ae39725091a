"""The benchmark of first answers, with small documents."""

from __future__ import annotations

import pytest

from tests.bench.first_answer import in_a_process, report


@pytest.mark.timeout(120)
def test_text_is_answered_from_before_it_is_read() -> None:
    run = in_a_process("text", 12, wait=0)
    assert (run.kind, run.pages, run.read) == ("text", 12, None)
    assert run.processor > 0
    assert "to 12 of text.pdf are not fully read yet." in run.notice
    assert "12 pages, text: answer after" in report(run)
