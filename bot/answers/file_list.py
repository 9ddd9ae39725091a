"""The answer to "what was shared here yesterday?": a list of files. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.access.names import Names
from bot.answers.render import Reply, plain_reply, remark_blocks
from bot.db.used_pages import UsedPage, name_mark, post_mark
from bot.slack import buttons
from bot.slack.blocks import break_links, cut, escape, link, sections
from bot.slack.messages import answer_texts, limit_texts
from rag import IndexState, SharedFile

LISTED = 20
"""Files of one list."""

_WORDS = 100


def mark_of(file: SharedFile) -> str:
    """Return the mark of the message that shares a file, by which a list goes on after it."""
    return post_mark(file.space, file.message, file.name, file.shared_by, file.words)


def files_reply(
    files: Sequence[SharedFile],
    remark: str,
    names: Names,
    asked_at: float,
    *,
    goes_on: bool = False,
    has_buttons: bool = True,
) -> Reply:
    """Return a list of files, newest first; `files` may have more than are listed.

    `remark`: how the limits were understood. `asked_at`: seconds since 1970. `goes_on`: an earlier reply has the first
    files. `has_buttons`: the list can be continued by a button.
    """
    heading = limit_texts.MORE_FILES if goes_on else limit_texts.FILES
    if not files:
        reply = plain_reply(answer_texts.NO_MORE_FILES if goes_on else limit_texts.NO_FILES_WITHIN)
        return replace(reply, blocks=[*remark_blocks(remark), *reply.blocks])
    listed = files[:LISTED]
    lines = [_line(file, names, asked_at) for file in listed]
    has_more = len(files) > LISTED
    if has_more:
        lines.append(escape(limit_texts.NARROW_FILES))
    text = "\n".join([heading, *lines])
    used = [
        UsedPage(
            file.document or 0,
            0,
            shown=True,
            name=name_mark(file.name) if file.document else "",
            post=mark_of(file),
        )
        for file in listed
    ]
    plain = "\n".join([heading, *(escape(file.name) for file in listed)])
    documents = sorted({file.document for file in listed if file.document})
    more = [buttons.more_files_button()] if has_more and has_buttons else []
    blocks = [*remark_blocks(remark), *sections(text), *more]
    return Reply(break_links(plain), blocks, documents=documents, used=used, outcome="files")


def _line(file: SharedFile, names: Names, asked_at: float) -> str:
    words = " ".join(file.words.split())
    said = limit_texts.posted(
        names.label(file.shared_by or ""),
        names.label(file.space),
        datetime.fromtimestamp(file.shared_at, names.zone),
        datetime.fromtimestamp(asked_at, names.zone),
        cut(words, _WORDS),
    )
    state = ""
    if file.state in (IndexState.WAITING, IndexState.READING):
        state = f" ({limit_texts.FILE_STILL_READ})"
    elif file.state is IndexState.FAILED:
        state = f" ({limit_texts.FILE_NOT_READ})"
    return f"• {link(file.link, file.name)}{state}, {escape(said)}"
