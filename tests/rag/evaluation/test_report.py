"""The report: what it shows of a miss, that it escapes, and that it asks nobody for anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from rag.evaluation.evaluate import measure
from rag.evaluation.report import snippet, to_html, write_report
from rag.evaluation.thumbnails import WIDTH, Thumbnails
from rag.model import Box, Hit, Kind
from tests.support.searched import FakeSearched


def written(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def page_picture(path: Path, shade: int = 200) -> Path:
    Image.new("RGB", (800, 1000), (shade, shade, shade)).save(path)
    return path


def found_hit(text: str, heading: str = "", kind: Kind = Kind.TEXT) -> Hit:
    return Hit(1, 1, 1, "a.pdf", None, 1, None, kind, text, heading, "", Box(0, 0, 1, 1), (), None, None, {})


@pytest.fixture
def searched(tmp_path: Path) -> FakeSearched:
    pictures = {page: page_picture(tmp_path / f"{page}.jpg") for page in [(1, 1), (1, 4), (2, 9)]}
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


def test_a_miss_stands_beside_what_was_found(tmp_path: Path, searched: FakeSearched) -> None:
    page = to_html(measure(searched, written(tmp_path / "q.jsonl", *QUESTIONS)))
    assert "Questions asked: 3. Missed: 2." in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "1. &lt;b&gt;.pdf, p. 9" in page
    assert "a.pdf, p. 4" in page
    assert "<li>fused: not among its 1</li><li>words: rank 2</li>" in page
    assert 'class="gold" style="left:50.0%;top:25.0%;width:25.0%;height:25.0%"' in page
    assert 'class="hit" style="left:10.0%;top:20.0%;width:80.0%;height:20.0%"' in page
    assert "The <mark>relay</mark> &lt;listens&gt; on the quay." in page
    assert "answered, though" in page
    assert "By domain" in page
    assert "Ports &amp; &lt;quays&gt;" in page
    assert "AUROC" in page
    assert "<polyline" in page
    assert ">hit</h3>" not in page
    assert page.count("data:image/jpeg") == 2, "pictures of misses alone, and each once"


def test_no_request_leaves_the_page(tmp_path: Path, searched: FakeSearched) -> None:
    path = tmp_path / "report.html"
    write_report(measure(searched, written(tmp_path / "q.jsonl", *QUESTIONS)), path)
    page = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|iframe|img|object|embed|base)\b", page)
    asked = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')]*)""", page)
    assert asked
    assert all(each.startswith(("#", "data:image/jpeg;base64,")) for each in asked)


def test_the_picture_that_was_asked_with_is_shown(tmp_path: Path, searched: FakeSearched) -> None:
    page_picture(tmp_path / "shot.png", 10)
    question = {"image": "shot.png", "file": "a.pdf", "pages": [4], "look": "dark"}
    page = to_html(measure(searched, written(tmp_path / "q.jsonl", question)))
    assert "What was asked with" in page
    assert "By look" in page
    assert page.count("data:image/jpeg") == 2, "the question's and the gold page's"


def test_without_room_misses_are_listed_without_pictures(tmp_path: Path, searched: FakeSearched) -> None:
    page = to_html(measure(searched, written(tmp_path / "q.jsonl", *QUESTIONS)), room=1)
    assert page.count("data:image/jpeg") == 1
    assert "no room for more pictures" in page
    assert "&lt;b&gt;.pdf, p. 9: no picture" in page


def test_nothing_missed_is_said(tmp_path: Path, searched: FakeSearched) -> None:
    page = to_html(measure(searched, written(tmp_path / "q.jsonl", QUESTIONS[1])))
    assert "Nothing was missed." in page
    assert "<polyline" not in page


def test_thumbnails_are_small_made_once_and_absent_for_what_is_no_picture(tmp_path: Path) -> None:
    thumbnails = Thumbnails(10_000_000)
    one = thumbnails.of(page_picture(tmp_path / "a.jpg"))
    assert one is not None
    assert (one.width, one.height) == (WIDTH, 450)
    assert thumbnails.of(tmp_path / "a.jpg") is one
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert thumbnails.of(tmp_path / "broken.jpg") is None
    assert thumbnails.of(tmp_path / "none.jpg") is None
    assert thumbnails.of(None) is None
    assert thumbnails.style().count("data:") == 1


def test_a_snippet_shows_where_the_words_are() -> None:
    text = "Nothing here. " * 60 + "The relays of the port reach far. " + "Nothing more. " * 60
    shown = snippet(found_hit(text), ["relay", "port"])
    assert "The <mark>relays</mark> of the <mark>port</mark> reach" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 320
    assert "<mark>" not in snippet(found_hit("A portrait."), ["port"])
    assert snippet(replace(found_hit(""), caption="Fig. 1"), []) == "Fig. 1"


def test_a_question_is_asked_both_ways(tmp_path: Path, searched: FakeSearched) -> None:
    report = measure(searched, written(tmp_path / "q.jsonl", *QUESTIONS), with_negatives=True)
    assert [(row.question.id, bool(row.gold)) for row in report.asked] == [
        ("m", True),
        ("m", False),
        ("h", True),
        ("h", False),
        ("w", False),
    ]
    # Without a.pdf, "hit" and "absent" find nothing, and "m" still finds <b>.pdf.
    assert [row.confidence for row in report.asked] == [0.5, 0.5, 0.5, 0.0, 0.5]
    assert report.to_json()["auroc"] == pytest.approx((2 / 3) * 0.5 + 1 / 3)
    best = report.best_within(0.03)
    assert best is not None
    assert best.absent == pytest.approx(1 / 3)
    assert best.present == 0
