"""What can be pressed under an answer. Pure.

A button says by numbers alone what it is about, and a press is believed in nothing: what may be shown is decided anew.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

Block = dict[str, Any]

MORE, FILE, FEEDBACK = "more", "file", "feedback"
"""Action ids. Of several buttons for files each has its number behind it, `file:12`."""

ONWARD, VERDICT = "onward", "verdict"
"""The blocks that they are in."""

GOOD, BAD = "good", "bad"

LABEL = 75
"""Characters of a button's text that Slack takes."""

BUTTONS = 3
"""Files that have a button each; more of them are chosen from a list."""

_CHOICES = 100


def onward(files: Sequence[tuple[int, str]], *, more: bool) -> list[Block]:
    """Buttons for more pages and for single files, (document, title) each; no block when there is nothing to press."""
    elements: list[Block] = [_button(MORE, "Show more pages", MORE)] if more else []
    if len(files) <= BUTTONS:
        elements += [_button(f"{FILE}:{id}", f"Only in {title}", str(id)) for id, title in files]
    else:
        options = [{"text": _plain(title), "value": str(id)} for id, title in files[:_CHOICES]]
        chosen = {"type": "static_select", "action_id": FILE, "placeholder": _plain("Only in …"), "options": options}
        elements.append(chosen)
    return [{"type": "actions", "block_id": ONWARD, "elements": elements}] if elements else []


def verdict() -> Block:
    """Good or bad, for whoever reads the answer."""
    sides = {
        "positive_button": {"text": _plain("Good answer"), "value": GOOD},
        "negative_button": {"text": _plain("Bad answer"), "value": BAD},
    }
    buttons = {"type": "feedback_buttons", "action_id": FEEDBACK, **sides}
    return {"type": "context_actions", "block_id": VERDICT, "elements": [buttons]}


def _button(action_id: str, text: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": _plain(text), "value": value}


def _plain(text: str) -> Block:
    """A stranger's words as a label: nothing is made of them, and they keep their end, where a file's ending is."""
    seen = "".join(sign for sign in text if unicodedata.category(sign)[0] != "C")
    seen = seen.replace("<", "‹").replace(">", "›").strip() or "?"
    if len(seen) > LABEL:
        seen = f"{seen[: LABEL - 13]}…{seen[-12:]}"
    return {"type": "plain_text", "text": seen, "emoji": False}
