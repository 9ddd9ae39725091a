"""The report: what it shows of a miss, that it escapes texts, and that it sends no requests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from rag.evaluation.evaluate import evaluate_search
from rag.evaluation.report import snippet, to_html, write_report
from rag.evaluation.thumbnails import WIDTH, Thumbnails
from rag.model.extraction import Box, Kind
from rag.model.search import Hit
from tests.support.searched import FakeSearched


def write_questions(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def save_page_picture(path: Path, shade: int = 200) -> Path:
    Image.new("RGB", (800, 1000), (shade, shade, shade)).save(path)
    return path


def text_hit(text: str, heading: str = "", kind: Kind = Kind.TEXT) -> Hit:
    return Hit(1, 1, 1, "a.pdf", None, 1, None, kind, text, heading, "", Box(0, 0, 1, 1), (), None, None, {})


@pytest.fixture
def searched(tmp_path: Path) -> FakeSearched:
    pictures = {page: save_page_picture(tmp_path / f"{page}.jpg") for page in [(1, 1), (1, 4), (2, 9)]}
    return FakeSearched(
        {1: "a.pdf", 2: "<b>.pdf"},
        {
            "<script>alert(1)</script> relay": {"words": [(2, 9), (1, 4)], "fused": [(2, 9)]},
            "hit": {"fused": [(1, 1)]},
            "absent": {"fused": [(1, 2)]},
        },
        pictures=pictures,
    )


QUESTIONS: list[dict[str, object]] = [
    {
        "id": "m",
        "query": "<script>alert(1)</script> relay",
        "file": "a.pdf",
        "pages": [4],
        "domain": "Ports & <quays>",
        "regions": [{"page": 4, "bbox": [0.5, 0.25, 0.75, 0.5]}],
    },
    {"id": "h", "query": "hit", "file": "a.pdf", "pages": [1]},
    {"id": "w", "query": "absent", "file": "a.pdf", "pages": []},
]


def test_miss_is_shown_beside_what_was_found(tmp_path: Path, searched: FakeSearched) -> None:
    page = to_html(evaluate_search(searched, write_questions(tmp_path / "q.jsonl", *QUESTIONS)))
    assert "Questions asked: 3. Missed: 2." in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "1. &lt;b&gt;.pdf, p. 9" in page
    assert "a.pdf, p. 4" in page
    assert "<li>fused: not in its top 1</li><li>words: rank 2</li>" in page
    assert 'class="gold" style="left:50.0%;top:25.0%;width:25.0%;height:25.0%"' in page
    assert 'class="hit" style="left:10.0%;top:20.0%;width:80.0%;height:20.0%"' in page
    assert "The <mark>relay</mark> &lt;listens&gt; on the quay." in page
    assert "answered, although" in page
    assert "By domain" in page
    assert "Ports &amp; &lt;quays&gt;" in page
    assert "AUROC" in page
    assert "<polyline" in page
    assert ">hit</h3>" not in page
    assert page.count("data:image/jpeg") == 2, "only pictures of misses, each once"


def test_page_sends_no_requests(tmp_path: Path, searched: FakeSearched) -> None:
    path = tmp_path / "report.html"
    write_report(evaluate_search(searched, write_questions(tmp_path / "q.jsonl", *QUESTIONS)), path)
    page = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|iframe|img|object|embed|base)\b", page)
    urls = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')]*)""", page)
    assert urls
    assert all(url.startswith(("#", "data:image/jpeg;base64,")) for url in urls)


def test_question_picture_is_shown(tmp_path: Path, searched: FakeSearched) -> None:
    save_page_picture(tmp_path / "shot.png", 10)
    question = {"image": "shot.png", "file": "a.pdf", "pages": [4], "look": "dark"}
    page = to_html(evaluate_search(searched, write_questions(tmp_path / "q.jsonl", question)))
    assert "Question picture" in page
    assert "By look" in page
    assert page.count("data:image/jpeg") == 2, "the question's and the gold page's"


def test_misses_beyond_the_picture_limit_have_no_pictures(tmp_path: Path, searched: FakeSearched) -> None:
    page = to_html(evaluate_search(searched, write_questions(tmp_path / "q.jsonl", *QUESTIONS)), picture_bytes=1)
    assert page.count("data:image/jpeg") == 1
    assert "reached its limit for pictures" in page
    assert "&lt;b&gt;.pdf, p. 9: no picture" in page


def test_says_that_nothing_was_missed(tmp_path: Path, searched: FakeSearched) -> None:
    page = to_html(evaluate_search(searched, write_questions(tmp_path / "q.jsonl", QUESTIONS[1])))
    assert "Nothing was missed." in page
    assert "<polyline" not in page


def test_thumbnails_are_small_and_created_once(tmp_path: Path) -> None:
    thumbnails = Thumbnails(10_000_000)
    first = thumbnails.thumbnail(save_page_picture(tmp_path / "a.jpg"))
    assert first is not None
    assert (first.width, first.height) == (WIDTH, 450)
    assert thumbnails.thumbnail(tmp_path / "a.jpg") is first
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert thumbnails.thumbnail(tmp_path / "broken.jpg") is None
    assert thumbnails.thumbnail(tmp_path / "none.jpg") is None
    assert thumbnails.thumbnail(None) is None
    assert [thumbnail.uri[:5] for thumbnail in thumbnails.created()] == ["data:"]


def marked_up(pieces: Sequence[tuple[str, bool]]) -> str:
    return "".join(f"<mark>{text}</mark>" if is_match else text for text, is_match in pieces)


def test_snippet_shows_the_query_words() -> None:
    text = "Nothing here. " * 60 + "The relays of the port reach far. " + "Nothing more. " * 60
    shown = marked_up(snippet(text_hit(text), "Which relay has a port?"))
    assert "The <mark>relays</mark> of the <mark>port</mark> reach" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 320
    assert snippet(text_hit("A portrait."), "port") == [("A portrait.", False)]
    assert snippet(replace(text_hit(""), caption="Fig. 1"), "") == [("Fig. 1", False)]


def test_question_is_searched_with_and_without_its_file(tmp_path: Path, searched: FakeSearched) -> None:
    report = evaluate_search(searched, write_questions(tmp_path / "q.jsonl", *QUESTIONS), with_negatives=True)
    assert [(result.question.id, bool(result.gold)) for result in report.results] == [
        ("m", True),
        ("m", False),
        ("h", True),
        ("h", False),
        ("w", False),
    ]
    # Without a.pdf, "hit" and "absent" find nothing, and "m" still finds <b>.pdf.
    assert [result.confidence for result in report.results] == [0.5, 0.5, 0.5, 0.0, 0.5]
    assert report.to_json()["auroc"] == pytest.approx((2 / 3) * 0.5 + 1 / 3)
    best = report.best_within(0.03)
    assert best is not None
    assert best.absent == pytest.approx(1 / 3)
    assert best.present == 0
