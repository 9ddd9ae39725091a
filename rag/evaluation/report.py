"""The report of `magpie eval` as one HTML file: the figures, and each miss beside what was found, as pictures.

Nothing in it is fetched from anywhere: pictures are data: URIs, and its own policy forbids every request.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.evaluation.evaluate import NOT_RANKED, WRONGLY_ANSWERED, WRONGLY_DECLINED, Asked, Report
from rag.evaluation.metrics import Page, Point
from rag.evaluation.report_style import STYLE
from rag.evaluation.thumbnails import Thumbnails
from rag.model import Box, Hit, Kind
from rag.text import content_words

COLUMNS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@5")
ROOM = 25_000_000
"""Bytes of pictures in one report; a page with more opens slowly and passes no mail."""
_SNIPPET = 220
_WHOLE = 0.95
"""A box larger than this share of the page marks nothing."""


def write_report(report: Report, into: Path, remark: str = "") -> None:
    """Write the page. Misses that find no room for pictures are listed without them. `remark`: a sentence above all."""
    into.write_text(to_html(report, remark=remark), encoding="utf-8")


def to_html(report: Report, room: int = ROOM, remark: str = "") -> str:
    """Every text that comes from a file is escaped."""
    thumbnails = Thumbnails(room)
    misses = [row for why in (NOT_RANKED, WRONGLY_DECLINED, WRONGLY_ANSWERED) for row in _of(report, why)]
    sections = "\n".join(_miss(number, row, thumbnails) for number, row in enumerate(misses, 1))
    full = '<p class="note">There was no room for more pictures; later misses are listed without.</p>'
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Magpie: what was found and what was missed</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>{STYLE}
{thumbnails.style()}</style></head><body>
<a class="skip" href="#misses">To the misses</a>
<header><h1>What was found and what was missed</h1>
<p>Questions asked: {len(report.asked)}. Missed: {len(misses)}. {_left_out(report)} {_text(remark)}</p></header>
<main>
{_figures(report)}
{_decision(report)}
<h2 id="misses">Misses</h2>
{_contents(report)}
{full if thumbnails.full else ""}
{sections or "<p>Nothing was missed.</p>"}
</main></body></html>
"""


def _of(report: Report, why: str) -> list[Asked]:
    return [row for row in report.asked if row.missed == why]


def _left_out(report: Report) -> str:
    if not report.left_out:
        return ""
    names = ", ".join(sorted(report.left_out)[:5])
    return _text(f"{sum(report.left_out.values())} more are about files that are not indexed ({names}).")


def _text(value: object) -> str:
    return html.escape(str(value))


# ---------------------------------------------------------------- figures


def _figures(report: Report) -> str:
    shape: dict[str, Any] = report.to_json()
    groups: list[tuple[str, Mapping[str, Any]]] = [("All", {"fused": shape["fused"]})]
    groups += [
        (f"By {group.removesuffix('s')}", shape.get(group, {})) for group in ("lanes", "kinds", "domains", "looks")
    ]
    body = "".join(
        f'<tbody><tr><th colspan="{len(COLUMNS) + 1}" scope="rowgroup" class="group">{title}</th></tr>'
        + "".join(_figures_row(name, row) for name, row in rows.items())
        + "</tbody>"
        for title, rows in groups
        if rows
    )
    head = "".join(f'<th scope="col">{column.replace("recall", "R")}</th>' for column in COLUMNS)
    times = shape["query_ms"]
    stages = ", ".join(f"{name} {value:.0f}" for name, value in shape["stage_ms"].items())
    return (
        '<h2 id="figures">Figures, in percent</h2>'
        '<div class="wide" tabindex="0" role="region" aria-labelledby="figures"><table>'
        f"<thead><tr><td></td>{head}</tr></thead>{body}</table></div>"
        f"<p>A query takes {times['p50']:.0f} ms (p50), {times['p95']:.0f} ms (p95); mean of each stage in ms: "
        f"{stages}.</p>"
    )


def _figures_row(name: str, row: Mapping[str, float | None]) -> str:
    cells = "".join(f"<td>{_percent(row[column])}</td>" for column in COLUMNS)
    return f'<tr><th scope="row">{_text(name)}</th>{cells}</tr>'


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _decision(report: Report) -> str:
    shape: dict[str, Any] = report.to_json()
    declined = shape["declined"]
    said = (
        f"<p>Declined: {_percent(declined['absent'])} % of the questions whose answer is in no file searched, "
        f"{_percent(declined['present'])} % of the others.</p>"
    )
    best = report.best_within(0.03)
    if best is None:
        return f'<h2 id="declined">Declined</h2>{said}'
    return (
        f'<h2 id="declined">Declined</h2>{said}<p>AUROC of the confidence: {_percent(shape["auroc"])} %. A threshold '
        f"of {best.threshold:.2f} would decline {_percent(best.absent)} % of those without an answer, and wrongly "
        f"{_percent(best.present)} % of the others.</p>{_curve(report.curve())}"
    )


def _curve(points: Sequence[Point]) -> str:
    """Rightly declined over wrongly declined, as an SVG 300 units high and wide, with room for its labels."""
    line = " ".join(f"{50 + 300 * point.present:.1f},{310 - 300 * point.absent:.1f}" for point in points)
    ticks = "".join(
        f'<text x="{50 + 3 * share}" y="328" text-anchor="middle">{share}</text>'
        f'<text x="42" y="{314 - 3 * share}" text-anchor="end">{share}</text>'
        f'<path class="grid" d="M50 {310 - 3 * share}H350M{50 + 3 * share} 10V310"/>'
        for share in range(0, 101, 25)
    )
    return (
        '<svg viewBox="0 0 366 362" role="img" aria-labelledby="curve"><title id="curve">Questions without an answer '
        "that are rightly declined, over questions with an answer that are wrongly declined, at every threshold"
        f'</title>{ticks}<path class="grid" stroke-dasharray="4" d="M50 310L350 10"/>'
        f'<polyline points="{line}"/><text x="200" y="352" text-anchor="middle">wrongly declined, %</text>'
        '<text transform="translate(10 160) rotate(-90)" text-anchor="middle">rightly declined, %</text></svg>'
    )


# ---------------------------------------------------------------- misses


def _contents(report: Report) -> str:
    """How many misses of each sort, each linked to its first."""
    rows, first = [], 1
    for why in (NOT_RANKED, WRONGLY_DECLINED, WRONGLY_ANSWERED):
        number = len(_of(report, why))
        if number:
            rows.append(f'<li><a href="#m{first}">{number}: {_text(why)}</a></li>')
        first += number
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _miss(number: int, row: Asked, thumbnails: Thumbnails) -> str:
    question = row.question
    about = [question.id, *question.kinds, question.domain, question.look, f"confidence {row.confidence:.2f}"]
    title = f"Picture {question.query}" if question.image else question.query
    asked = _asked_picture(row, thumbnails)
    gold = "".join(_gold(f"m{number}g{n}", page, row, thumbnails) for n, page in enumerate(sorted(row.gold), 1))
    if not gold:
        gold = '<p class="note">Its answer is in no file that was searched.</p>'
    found = "".join(_found(f"m{number}f{hit.rank}", hit, row, thumbnails) for hit in row.hits)
    return (
        f'<section id="m{number}" aria-labelledby="m{number}q"><h3 id="m{number}q">{_text(title)}</h3>'
        f'<p><strong class="why">{_text(row.missed)}</strong> · '
        f"{' · '.join(_text(part) for part in about if part)}</p>"
        f'<div class="sides"><div class="side">{asked}<h4>Where the answer is</h4><div class="cards">{gold}</div></div>'
        f'<div class="side found"><h4>What was found{", and declined" if row.declined else ""}</h4>'
        f'<div class="cards">{found or "<p>Nothing.</p>"}</div></div></div></section>'
    )


def _asked_picture(row: Asked, thumbnails: Thumbnails) -> str:
    if row.question.image is None:
        return ""
    shot = _shot(row.question.image, "the picture that was asked with", (), "", thumbnails)
    return f'<h4>What was asked with</h4><div class="cards"><figure>{shot}</figure></div>'


def _gold(anchor: str, page: Page, row: Asked, thumbnails: Thumbnails) -> str:
    """A page that has the answer, its marked regions, and how far down it came."""
    place = f"{page[0]}, p. {page[1]}"
    shot = _shot(row.pictures.get(page), place, row.question.regions.get(page[1], ()), "gold", thumbnails)
    ranks = [("fused", row.ranked), *row.lanes.items()]
    said = "".join(f"<li>{_text(lane)}: {_rank(page, ranked)}</li>" for lane, ranked in ranks)
    return _card(anchor, place, "gold", shot, f"<ul>{said}</ul>")


def _rank(page: Page, ranked: Sequence[Page]) -> str:
    return f"rank {ranked.index(page) + 1}" if page in ranked else f"not among its {len(ranked)}"


def _found(anchor: str, hit: Hit, row: Asked, thumbnails: Thumbnails) -> str:
    right = (hit.name, hit.page) in row.gold
    boxes = (hit.box,) if hit.kind is not Kind.PAGE and hit.box.area < _WHOLE else ()
    shot = _shot(hit.render, hit.place, boxes, "hit", thumbnails)
    lanes = ", ".join(f"{lane} {rank}" for lane, rank in sorted(hit.lanes.items(), key=lambda each: each[1]))
    words = content_words(row.question.query) if row.question.image is None else []
    said = (
        f"<p>{_text(hit.kind.value)}; {_text(lanes) or 'no lane'}</p>"
        f'<p class="snippet">{snippet(hit, words)}</p>{"<p><strong>✓ a page asked for</strong></p>" if right else ""}'
    )
    return _card(anchor, f"{hit.rank}. {hit.place}", "gold" if right else "", shot, said)


def _card(anchor: str, place: str, kind: str, shot: str, said: str) -> str:
    return (
        f'<figure id="{anchor}" class="{kind}"><a href="#{anchor}" title="larger">{shot}</a>'
        f"<figcaption><strong>{_text(place)}</strong>{said}</figcaption></figure>"
    )


def _shot(picture: Path | None, what: str, boxes: Iterable[Box], mark: str, thumbnails: Thumbnails) -> str:
    small = thumbnails.of(picture)
    if small is None:
        return f'<span class="shot none">{_text(what)}: no picture</span>'
    drawn = "".join(
        f'<i class="{mark}" style="left:{100 * box.x0:.1f}%;top:{100 * box.y0:.1f}%;'
        f'width:{100 * (box.x1 - box.x0):.1f}%;height:{100 * (box.y1 - box.y0):.1f}%"></i>'
        for box in boxes
    )
    return (
        f'<span class="shot {small.name}" role="img" aria-label="{_text(what)}" '
        f'style="aspect-ratio:{small.width}/{small.height};max-width:{small.width}px">{drawn}</span>'
    )


def snippet(hit: Hit, words: Sequence[str]) -> str:
    """HTML: the piece of a hit's text that holds most of the words, with these marked."""
    whole = " ".join(" — ".join(part for part in (hit.heading, hit.caption, hit.text) if part).split())
    spans = [match for match in re.finditer(r"[^\W_]+", whole) if _is_one_of(match.group().lower(), words)]
    start = max(
        (span.start() for span in spans),
        key=lambda at: len({each.group().lower() for each in spans if at <= each.start() < at + _SNIPPET}),
        default=0,
    )
    start = max(0, start - _SNIPPET // 6)
    start = whole.find(" ", start) + 1 if start else 0
    end = min(len(whole), start + _SNIPPET)
    return "".join(_marked(whole, start, end, [(span.start(), span.end()) for span in spans]))


def _is_one_of(token: str, words: Sequence[str]) -> bool:
    """Roughly as the index stems: `relays` is `relay`, and `port` is not `portrait`."""
    return any(token == word or _alike(token, word) >= max(4, len(token) - 3, len(word) - 3) for word in words)


def _alike(one: str, other: str) -> int:
    """Letters that both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _marked(whole: str, start: int, end: int, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    yield "… " if start else ""
    at = start
    for left, right in spans:
        if at <= left and right <= end:
            yield f"{_text(whole[at:left])}<mark>{_text(whole[left:right])}</mark>"
            at = right
    yield _text(whole[at:end])
    yield " …" if end < len(whole) else ""
