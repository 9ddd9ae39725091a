"""The report of `magpie eval` as one HTML file: metrics, and each miss beside what was found, with pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.analysis.content import content_tokens, language_of
from rag.evaluation.evaluate import (
    MAX_WRONGLY_DECLINED,
    NOT_RANKED,
    WRONGLY_ANSWERED,
    WRONGLY_DECLINED,
    EvaluationReport,
    QuestionResult,
)
from rag.evaluation.metrics import NamedPage
from rag.evaluation.thumbnails import Thumbnail, Thumbnails
from rag.model.extraction import Box, Kind
from rag.model.search import Hit
from rag.text import WORD

COLUMNS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@5")

MAX_PICTURE_BYTES = 25_000_000
"""Pictures in one report: a larger file opens slowly and cannot be sent by mail."""

_MAX_SNIPPET = 220
_WHOLE_PAGE = 0.95
"""A hit's box is not drawn if it is a larger share of the page."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture with boxes drawn on it; `thumbnail` is None if there is no picture."""

    label: str
    thumbnail: Thumbnail | None
    boxes: Sequence[Box] = ()
    mark: str = ""


@dataclass(frozen=True, slots=True)
class GoldCard:
    """A page that has the answer, and its rank in each lane."""

    anchor: str
    title: str
    shot: Shot
    ranks: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HitCard:
    """A page that was found. `snippet` has (text, whether it matches the question)."""

    anchor: str
    title: str
    shot: Shot
    is_gold: bool
    kind: str
    lanes: str
    snippet: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Miss:
    """A missed question, as the template shows it."""

    anchor: str
    title: str
    reason: str
    about: Sequence[str]
    declined: bool
    question_picture: Shot | None
    gold: Sequence[GoldCard]
    hits: Sequence[HitCard]


def write_report(report: EvaluationReport, path: Path, remark: str = "") -> None:
    """Write the page. `remark` is a sentence shown in its header."""
    path.write_text(to_html(report, remark=remark), encoding="utf-8")


def to_html(report: EvaluationReport, picture_bytes: int = MAX_PICTURE_BYTES, remark: str = "") -> str:
    """Return the page. After `picture_bytes` of pictures, further misses are listed without pictures."""
    import jinja2

    thumbnails = Thumbnails(picture_bytes)
    metrics: dict[str, Any] = report.to_json()
    groups: list[tuple[str, Mapping[str, Any]]] = [("All", {"fused": metrics["fused"]})]
    groups += [
        (f"By {name.removesuffix('s')}", metrics.get(name, {})) for name in ("lanes", "kinds", "domains", "looks")
    ]
    by_reason = {
        reason: [result for result in report.results if result.missed == reason]
        for reason in (NOT_RANKED, WRONGLY_DECLINED, WRONGLY_ANSWERED)
    }
    missed = [result for results in by_reason.values() for result in results]
    misses = [_miss(f"m{number}", result, thumbnails) for number, result in enumerate(missed, 1)]
    contents = [
        (next(miss.anchor for miss in misses if miss.reason == reason), len(results), reason)
        for reason, results in by_reason.items()
        if results
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2").render(
        metrics=metrics,
        left_out=report.left_out,
        remark=remark,
        columns=COLUMNS,
        groups=groups,
        best=report.best_within(MAX_WRONGLY_DECLINED),
        points=report.curve(),
        contents=contents,
        misses=misses,
        thumbnails=thumbnails,
    )


def _miss(anchor: str, result: QuestionResult, thumbnails: Thumbnails) -> Miss:
    question = result.question
    about = [question.id, *question.kinds, question.domain, question.look, f"confidence {result.confidence:.2f}"]
    picture = None
    if question.image is not None:
        picture = Shot("the question's picture", thumbnails.thumbnail(question.image))
    return Miss(
        anchor=anchor,
        title=f"Picture {question.query}" if question.image else question.query,
        reason=result.missed,
        about=[part for part in about if part],
        declined=result.declined,
        question_picture=picture,
        gold=[
            _gold_card(f"{anchor}g{number}", page, result, thumbnails)
            for number, page in enumerate(sorted(result.gold), 1)
        ],
        hits=[_hit_card(f"{anchor}f{hit.rank}", hit, result, thumbnails) for hit in result.hits],
    )


def _gold_card(anchor: str, page: NamedPage, result: QuestionResult, thumbnails: Thumbnails) -> GoldCard:
    title = f"{page[0]}, p. {page[1]}"
    regions = result.question.regions.get(page[1], ())
    shot = Shot(title, thumbnails.thumbnail(result.pictures.get(page)), regions, "gold")
    rankings = [("fused", result.ranked), *result.lanes.items()]
    return GoldCard(anchor, title, shot, [(lane, _rank(page, ranked)) for lane, ranked in rankings])


def _rank(page: NamedPage, ranked: Sequence[NamedPage]) -> str:
    return f"rank {ranked.index(page) + 1}" if page in ranked else f"not in its top {len(ranked)}"


def _hit_card(anchor: str, hit: Hit, result: QuestionResult, thumbnails: Thumbnails) -> HitCard:
    boxes = (hit.box,) if hit.kind is not Kind.PAGE and hit.box.area < _WHOLE_PAGE else ()
    lanes = sorted(hit.lanes.items(), key=lambda lane: lane[1])
    question = result.question.query if result.question.image is None else ""
    return HitCard(
        anchor=anchor,
        title=f"{hit.rank}. {hit.place}",
        shot=Shot(hit.place, thumbnails.thumbnail(hit.page_image), boxes, "hit"),
        is_gold=(hit.name, hit.page) in result.gold,
        kind=hit.kind.value,
        lanes=", ".join(f"{lane} {rank}" for lane, rank in lanes),
        snippet=snippet(hit, question),
    )


def snippet(hit: Hit, question: str) -> list[tuple[str, bool]]:
    """Return the part of a hit's text with most words of a question, in pieces: (text, whether it is such a word)."""
    text = " ".join(" — ".join(part for part in (hit.heading, hit.caption, hit.text) if part).split())
    language = language_of(text)
    asked = content_tokens(question, language)
    matches = [match for match in WORD.finditer(text) if content_tokens(match.group(), language) & asked]
    start = max((match.start() for match in matches), key=lambda at: _count_words(matches, at), default=0)
    start = max(0, start - _MAX_SNIPPET // 6)
    start = text.find(" ", start) + 1 if start else 0
    end = min(len(text), start + _MAX_SNIPPET)
    pieces = [("… ", False)] if start else []
    at = start
    for match in matches:
        if at <= match.start() and match.end() <= end:
            pieces += [(text[at : match.start()], False), (match.group(), True)]
            at = match.end()
    return [*pieces, (text[at:end] + (" …" if end < len(text) else ""), False)]


def _count_words(matches: Sequence[re.Match[str]], at: int) -> int:
    """Return how many different words match within the length of a snippet from this index."""
    return len({match.group().lower() for match in matches if at <= match.start() < at + _MAX_SNIPPET})
