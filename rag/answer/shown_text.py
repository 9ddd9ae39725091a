"""Write the statements of an answer that are kept, and leave out the others with what belongs to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer.statements import Statement

_CITATION = re.compile(r"[ \t]{0,3}\[\d+\]")
_RULE = re.compile(r"[ \t]*\|[|:\- \t]*")
_GAP = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of a statement: left out, or written with a note and, if there are any, with other citations."""

    statement: Statement
    note: str = ""
    citations: tuple[int, ...] = ()
    keep: bool = True


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with the edits of all its statements, in order. A line without any of its statements goes, too."""
    lines: list[str] = []
    at, start, rule_stays = 0, 0, False
    for line in text.split("\n"):
        end = start + len(line)
        mine: list[Edit] = []
        while at < len(edits) and edits[at].statement.start < end + 1:
            mine.append(edits[at])
            at += 1
        if mine:
            rule_stays = any(edit.keep for edit in mine)
            if rule_stays:
                lines.append(_edited_line(line, start, mine))
        elif not line.strip() or (_RULE.fullmatch(line) and rule_stays):
            lines.append(line)
        start = end + 1
    return _GAP.sub("\n\n", "\n".join(lines)).strip()


def _edited_line(line: str, line_start: int, edits: Sequence[Edit]) -> str:
    parts: list[str] = []
    done = 0
    for edit in edits:
        start, end = edit.statement.start - line_start, edit.statement.end - line_start
        parts.append(line[done:start])
        if edit.keep:
            parts.append(edited_statement(line[start:end], edit))
        done = end
    return "".join([*parts, line[done:]]).rstrip()


def edited_statement(piece: str, edit: Edit) -> str:
    """Return the part of a text that is a statement, with its note and citations."""
    note_position = edit.statement.note_position - edit.statement.start
    before, after = piece[:note_position], piece[note_position:]
    if edit.citations:
        before = _CITATION.sub("", before)
        citations = "".join(f"[{number}]" for number in edit.citations)
        before = f"{before.rstrip()} {citations}"
    return f"{before} {edit.note}{after}" if edit.note else f"{before}{after}"
