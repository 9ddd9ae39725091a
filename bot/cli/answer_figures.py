"""The figures of `magpie eval --answers` in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from bot.cli.terminal import Screen, count


def show_answers(screen: Screen, figures: Mapping[str, Any]) -> None:
    """Print what was shown, and how good it was."""
    screen.say(f"{count(figures['questions'], 'question')}.", style="bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "answer", "passages", "not found"):
        table.add_column(name, justify="right" if name else "left")
    for title, name in (("with an answer", "present"), ("without an answer", "absent")):
        table.add_row(title, *map(str, figures["shown"][name].values()))
    screen.out.print(table)
    cited, statements, declined = figures["citations"], figures["statements"], figures["not_found"]
    screen.say(
        f"Citations: {percent(cited['right'])} % of the answers cite a right page, and "
        f"{percent(cited['pages_right'])} % of the cited pages are right. "
        f"{percent(cited['passages_right'])} % of the replies with passages quote a right page."
    )
    screen.say(
        f"Statements: the numbers, names and identifiers of {percent(statements['held'])} % of "
        f"{statements['shown']} are on the cited pages."
    )
    screen.say(f"Right: {percent(figures['answered'])} % of the answers have the values of the right answer.")
    if "judged" in figures:
        judged = figures["judged"]
        screen.say(f"Judged by the model: {percent(judged['right'])} % of {judged['questions']} answers are right.")
    screen.say(
        f"Not found: precision {percent(declined['precision'])} %, recall {percent(declined['recall'])} %. "
        f"Time: {figures['seconds']['p50']:.1f} s (p50), {figures['seconds']['p95']:.1f} s (p95)."
    )


def percent(value: float | None) -> str:
    """Return a share (0 to 1) in percent, and a dash without one."""
    return "–" if value is None else f"{100 * value:.1f}"
