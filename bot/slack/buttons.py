"""The buttons under an answer. Pure.

A button's value contains only numbers. The content of a click is not trusted: the access policy is applied again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.slack.blocks import Block, actions, button, context, label
from bot.slack.messages import button_texts

STOP, MORE, FILE, FEEDBACK, AGAIN, TOPIC, WITH = "stop", "more", "file", "feedback", "again", "topic", "with"
"""Action ids. The button for one file has the document's number after it: `file:12`; that for a heading the number of
the chunk below it."""

IN_PROGRESS_BLOCK, PAGES_BLOCK, FEEDBACK_BLOCK = "working", "pages", "rating"
UNREAD_BLOCK, AGAIN_BLOCK, TOPICS_BLOCK, WITH_BLOCK = "unread", "again", "topics", "with"
"""Block ids."""

GOOD, BAD = "good", "bad"

MAX_FILE_BUTTONS = 3
"""Maximum number of files with a button each; more files are shown as a list to choose from."""

_MAX_OPTIONS, _MAX_VALUE = 100, 150

DEEPER, MODEL = "deeper", "model:"
"""Values of the choices to have a question answered again: from more pages, or by the model whose name follows."""


def page_buttons(files: Sequence[tuple[int, str]], *, more: bool) -> list[Block]:
    """Return a block of buttons for more pages and for each file, or [] if there are none.

    `files`: (document, title) of each. `more`: there are more pages.
    """
    elements: list[Block] = [button(MORE, button_texts.MORE_PAGES_BUTTON, MORE)] if more else []
    if len(files) <= MAX_FILE_BUTTONS:
        elements += [button(f"{FILE}:{id}", button_texts.only_in_button(title), str(id)) for id, title in files]
    else:
        options = [{"text": label(title), "value": str(id)} for id, title in files[:_MAX_OPTIONS]]
        placeholder = label(button_texts.ONLY_IN_LIST)
        elements.append({"type": "static_select", "action_id": FILE, "placeholder": placeholder, "options": options})
    return [actions(PAGES_BLOCK, elements)] if elements else []


def topic_buttons(topics: Sequence[tuple[int, str]]) -> list[Block]:
    """Return the buttons for follow-ups. `topics`: (chunk, heading) of each."""
    elements = [button(f"{TOPIC}:{chunk}", heading, str(chunk)) for chunk, heading in topics]
    return [context(button_texts.ASK_NEXT), actions(TOPICS_BLOCK, elements)]


def with_buttons(models: Sequence[str], *, deeper: bool) -> list[Block]:
    """Return the block to have a question answered again: from more pages, or by another model; [] for neither."""
    choices = [(DEEPER, button_texts.MORE_PAGES)] if deeper else []
    choices += [(f"{MODEL}{name}", name) for name in models if len(MODEL) + len(name) <= _MAX_VALUE]
    if not choices:
        return []
    if len(choices) == 1:
        [(value, text)] = choices
        return [actions(WITH_BLOCK, [button(WITH, button_texts.again_with(text), value)])]
    options = [{"text": label(text), "value": value} for value, text in choices[:_MAX_OPTIONS]]
    element = {"type": "static_select", "action_id": WITH, "placeholder": label(button_texts.AGAIN_WITH)}
    return [actions(WITH_BLOCK, [{**element, "options": options}])]


def has_more(blocks: Iterable[Block]) -> bool:
    """Return whether an answer with these blocks found more pages than it shows."""
    elements = [element for block in blocks if block.get("block_id") == PAGES_BLOCK for element in block["elements"]]
    return any(element.get("action_id") == MORE for element in elements)


def more_files_button() -> Block:
    """Return the block of a list of files that goes on."""
    return actions(PAGES_BLOCK, [button(MORE, button_texts.MORE_FILES_BUTTON, MORE)])


def again_button() -> Block:
    """Return the block of an answer that may be another one once more files are read."""
    return actions(AGAIN_BLOCK, [button(AGAIN, button_texts.AGAIN_BUTTON, AGAIN)])


def feedback_buttons() -> Block:
    """Return the block with which every reader can rate the answer as good or bad."""
    ratings = {
        "positive_button": {"text": label(button_texts.GOOD_ANSWER_BUTTON), "value": GOOD},
        "negative_button": {"text": label(button_texts.BAD_ANSWER_BUTTON), "value": BAD},
    }
    element = {"type": "feedback_buttons", "action_id": FEEDBACK, **ratings}
    return {"type": "context_actions", "block_id": FEEDBACK_BLOCK, "elements": [element]}


def stop_button() -> Block:
    """Return the block of an answer in progress, with the Stop button."""
    return actions(IN_PROGRESS_BLOCK, [button(STOP, button_texts.STOP_BUTTON, STOP)])


def is_working(blocks: Iterable[Block]) -> bool:
    """Return whether a message with these blocks is an answer in progress."""
    return any(block.get("block_id") == IN_PROGRESS_BLOCK for block in blocks)
