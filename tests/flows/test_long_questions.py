"""Very long questions: only the beginning is searched for and sent to the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.answers.page_list import found_reply
from bot.answers.render import answer_reply
from rag import Scope, Settings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.generator import FakeGenerator
from tests.support.migrated import open_rag

QUESTION = "Which port does the gateway use?"
LONG = f"{QUESTION} {' '.join(f'word{number} Fig. {number}' for number in range(4000))}"[:40_000]


@pytest.mark.parametrize("max_words", [10, 200])
def test_long_question_is_searched_by_its_first_words(tmp_path: Path, max_words: int) -> None:
    (tmp_path / "handbook.pdf").write_text("The gateway uses port 8443.\fThe word of figure 7 is word7.\fword3999")
    generator = FakeGenerator()
    settings = Settings(data=tmp_path / "data", read={"workers": 1}, search={"words": max_words, "min_confidence": 0.0})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), generator=generator) as rag:
        rag.index([tmp_path / "handbook.pdf"])
        found = rag.find(LONG, Scope.operator())
        start = rag.find(" ".join(LONG.replace("Fig.", "Fig").split()[:max_words]), Scope.operator())
        assert (found.hits, found.rankings) == (start.hits, start.rankings)
        assert all(hit.page != 3 for hit in found.hits)
        assert f"its first {max_words} words" in found.notice
        assert f"its first {max_words} words" in str(found_reply(found, "").blocks)
        answer = rag.ask(LONG, Scope.operator())
        assert len(generator.prompts[-1].user) < 8000
        assert f"its first {max_words} words" in answer.notice
        assert "its first 4000 characters" in answer.notice
        assert f"its first {max_words} words" in str(answer_reply(answer).blocks)
        short = rag.ask(QUESTION, Scope.operator())
        assert (short.notice, short.found.notice) == ("", "")


def test_long_follow_up_is_not_rewritten(tmp_path: Path) -> None:
    generator = FakeGenerator()
    with open_rag(Settings(data=tmp_path), embedder=NoEmbedder(), generator=generator) as rag:
        assert rag.rewrite_question(LONG, [("asker", QUESTION), ("magpie", "Port 8443.")]) == LONG
    assert generator.prompts == []
