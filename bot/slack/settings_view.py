"""The modal with the settings of one channel: its view, and what a person submitted in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.slack.blocks import Block, context, escape, label, section
from bot.slack.messages import settings_texts as texts
from rag import FileType, answer_languages

CALLBACK = "channel_settings"
"""Callback id of the modal."""

QUIET, LANGUAGE, TYPES, ASKERS, EVERYONE, DIGEST = "quiet", "language", "types", "askers", "everyone", "digest"
"""Block ids, and the action ids in them. EVERYONE is only in the modal of a channel in which no one may ask."""

MAX_ASKERS = 100

_NO_ONE = " no one"
"""The end of the metadata of a modal of a channel in which no one may ask."""

_OF_QUESTION = "question"
"""The value that stands for the language of the question: Slack has no empty values."""


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """What the modal shows, and what a person submits in it. The fields are those of `ChannelSettings`.

    `version`: the time of the last change before the modal was opened, so that no change of others is overwritten.
    `askers`: None: everyone may ask; empty: no one, because those who could were forgotten.
    """

    channel: str
    version: float = 0.0
    quiet: bool = False
    language: str = ""
    types: Sequence[str] = ()
    askers: Sequence[str] | None = None
    digest: str = "off"
    note: str = field(default="", compare=False)

    @property
    def is_closed(self) -> bool:
        """Whether no one may ask."""
        return self.askers is not None and not self.askers

    def to_json(self) -> dict[str, Any]:
        """Return what was submitted as a JSON object."""
        same = {name: getattr(self, name) for name in ("version", "quiet", "language", "digest")}
        return {**same, "types": list(self.types), "askers": None if self.askers is None else list(self.askers)}


def loading_view() -> dict[str, Any]:
    """Return the modal that opens at once, before it is known whether the person may change anything."""
    return _modal(texts.TITLE, [section(escape(texts.LOADING))], texts.CLOSE_BUTTON)


def refusal_view(sentence: str) -> dict[str, Any]:
    """Return the modal for a person who may not change the settings."""
    return _modal(texts.TITLE, [section(escape(sentence))], texts.CLOSE_BUTTON)


def settings_view(form: SettingsForm, *, direct: bool) -> dict[str, Any]:
    """Return the modal with the settings. `direct`: it is a direct message, in which everyone may ask."""
    quiet = _option(QUIET, texts.QUIET_CHOICE)
    languages = [_option(_OF_QUESTION, texts.LANGUAGE_OF_QUESTION)]
    languages += [_option(code, name) for code, name in answer_languages().items()]
    types = [_option(type, name) for type, name in texts.TYPE_NAMES.items()]
    digests = [_option(value, name) for value, name in texts.DIGEST_NAMES.items()]
    blocks = [
        _checkboxes(QUIET, texts.QUIET, texts.QUIET_HINT, [quiet], [QUIET] if form.quiet else []),
        _input(LANGUAGE, texts.LANGUAGE, texts.LANGUAGE_HINT, _select(languages, form.language or _OF_QUESTION)),
        _checkboxes(TYPES, texts.TYPES, texts.TYPES_HINT, types, form.types),
        *([] if direct else _asker_blocks(form)),
        _input(DIGEST, texts.DIGEST, texts.DIGEST_HINT, {**_select(digests, form.digest), "type": "radio_buttons"}),
        *([context(form.note)] if form.note else []),
    ]
    view = _modal(texts.TITLE_OF_DIRECT_MESSAGE if direct else texts.TITLE, blocks, texts.CANCEL_BUTTON)
    metadata = f"{form.channel} {form.version:.6f}{_NO_ONE if form.is_closed else ''}"
    return {**view, "submit": label(texts.SAVE_BUTTON), "callback_id": CALLBACK, "private_metadata": metadata}


def submitted_form(view: Mapping[str, Any]) -> tuple[SettingsForm | None, dict[str, str]]:
    """Return what a person submitted, and what is wrong with it: {block id: sentence}. It is None then."""
    metadata = str(view.get("private_metadata"))
    channel, _, version = metadata.removesuffix(_NO_ONE).partition(" ")
    state = (view.get("state") or {}).get("values") or {}

    def given(name: str) -> Mapping[str, Any]:
        return (state.get(name) or {}).get(name) or {}

    language = _value(given(LANGUAGE).get("selected_option"))
    language = "" if language == _OF_QUESTION else language
    types = [_value(option) for option in given(TYPES).get("selected_options") or ()]
    askers = [str(user) for user in given(ASKERS).get("selected_users") or ()]
    is_for_all = not metadata.endswith(_NO_ONE) or bool(given(EVERYONE).get("selected_options"))
    digest = _value(given(DIGEST).get("selected_option"))
    errors = {}
    if language and language not in answer_languages():
        errors[LANGUAGE] = texts.UNKNOWN_CHOICE
    if not set(types) <= set(FileType):
        errors[TYPES] = texts.UNKNOWN_CHOICE
    if len(askers) > MAX_ASKERS:
        errors[ASKERS] = texts.too_many_askers(MAX_ASKERS)
    if digest not in texts.DIGEST_NAMES:
        errors[DIGEST] = texts.UNKNOWN_CHOICE
    if errors or not re.fullmatch(r"\d{1,12}\.\d{1,9}", version):
        return None, errors or {DIGEST: texts.NOT_OPENED}
    quiet = bool(given(QUIET).get("selected_options"))
    everything = len(set(types)) == len(FileType)
    may_ask = askers or (None if is_for_all else [])
    return SettingsForm(channel, float(version), quiet, language, () if everything else types, may_ask, digest), {}


def _asker_blocks(form: SettingsForm) -> list[Block]:
    """Return the blocks for who may ask. Where no one may, leaving them as they are lets no one ask."""
    users: Block = {
        "type": "multi_users_select",
        "placeholder": label(texts.NO_ASKERS_PLACEHOLDER if form.is_closed else texts.ASKERS_PLACEHOLDER),
        "max_selected_items": MAX_ASKERS,
        **({"initial_users": list(form.askers)} if form.askers else {}),
    }
    hint = texts.NO_ASKERS_HINT if form.is_closed else texts.ASKERS_HINT
    everyone = [_option(EVERYONE, texts.EVERYONE_CHOICE)]
    return [
        _input(ASKERS, texts.ASKERS, hint, users, optional=True),
        *([_checkboxes(EVERYONE, texts.EVERYONE, texts.EVERYONE_HINT, everyone, [])] if form.is_closed else []),
    ]


def _modal(title: str, blocks: Sequence[Block], close: str) -> dict[str, Any]:
    return {"type": "modal", "title": label(title), "close": label(close), "blocks": list(blocks)}


def _input(name: str, title: str, hint: str, element: Mapping[str, Any], *, optional: bool = False) -> Block:
    said: Block = {"type": "plain_text", "text": hint, "emoji": False}
    block: Block = {"type": "input", "block_id": name, "label": label(title), "hint": said}
    return {**block, "element": {**element, "action_id": name}, "optional": optional}


def _checkboxes(name: str, title: str, hint: str, options: Sequence[Block], chosen: Iterable[str]) -> Block:
    values = set(chosen)
    initial = [option for option in options if option["value"] in values]
    element = {"type": "checkboxes", "options": list(options), **({"initial_options": initial} if initial else {})}
    return _input(name, title, hint, element, optional=True)


def _select(options: Sequence[Block], value: str) -> dict[str, Any]:
    initial = next((option for option in options if option["value"] == value), options[0])
    return {"type": "static_select", "options": list(options), "initial_option": initial}


def _option(value: str, text: str) -> Block:
    return {"text": label(text), "value": str(value)}


def _value(option: Any) -> str:
    return str(option.get("value") or "") if isinstance(option, Mapping) else ""
