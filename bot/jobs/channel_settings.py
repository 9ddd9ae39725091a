"""Handlers of the jobs that show and change the settings of one conversation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.access.policy import Access
from bot.db import channel_settings, ephemeral_messages, jobs, receipts
from bot.db.channel_settings import ChannelSettings, Digest
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import Job, JobKind
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import is_direct
from bot.slack.messages import command_texts, settings_texts
from bot.slack.settings_view import SettingsForm, refusal_view, settings_view
from rag import FileType, Rag, Scope, answer_languages

log = logging.getLogger("magpie")

_SAME = 0.001
"""Seconds within which two times of a change are the same one: the modal has it in decimals."""


class ChannelSettingsJobs:
    """Show the settings of a conversation in a modal, and store what a person submitted.

    Whether the person may change them is asked each time, because an admin may be none any more when they submit.
    """

    def __init__(self, client: SlackClient, rag: Rag, access: Access) -> None:
        self._client = client
        self._rag = rag
        self._access = access

    def show(self, job: Job) -> None:
        """Fill the modal that was opened when the command was typed."""
        request = EphemeralRequest.of(job)
        refusal, direct = self._refusal(request.channel, request.user)
        if refusal:
            view = refusal_view(refusal)
        else:
            with self._rag.read_transaction() as connection:
                known = channel_settings.find(connection, request.channel)
            view = settings_view(self._form(request, known), direct=direct)
        try:
            self._client.update_modal(str(request.about["view"]), view)
        except Refused as error:
            log.info("The settings were closed before they were shown: %s", error)

    def save(self, job: Job) -> None:
        """Store what a person submitted, and tell them what holds now. After a crash, a job may run twice."""
        request = EphemeralRequest.of(job)
        text, _ = self._refusal(request.channel, request.user)
        with self._rag.write_transaction() as connection:
            if _is_stored(connection, request):
                return
            text = text or _store(connection, request)
            said = EphemeralRequest(JobKind.SAY, request.channel, request.user, text)
            ephemeral_messages.put_ephemeral_request(connection, said)

    def _refusal(self, channel: str, user: str) -> tuple[str, bool]:
        """Return (why a person may not change the settings of a conversation; empty: they may, whether it is a direct
        message)."""
        try:
            may_change = self._access.may_change_settings(channel, user)
        except Refused:
            return command_texts.NOT_IN_CONVERSATION, is_direct(channel)
        if may_change.is_allowed:
            return "", may_change.is_direct
        sentence = settings_texts.MAY_NOT_CHANGE_DIRECT if may_change.is_direct else settings_texts.MAY_NOT_CHANGE
        return sentence, may_change.is_direct

    def _form(self, request: EphemeralRequest, known: ChannelSettings) -> SettingsForm:
        note = ""
        if known.changed_at:
            zone = self._access.names(request.user, Scope.of(request.channel)).zone
            day = datetime.fromtimestamp(known.changed_at, zone)
            by = f"<@{known.changed_by}>" if known.changed_by else ""
            note = settings_texts.last_change(by, f"{day:%Y-%m-%d}")
        return SettingsForm(
            request.channel,
            known.changed_at,
            known.quiet,
            known.language,
            sorted(known.types),
            None if known.askers is None else sorted(known.askers),
            known.digest,
            note,
        )


def _is_stored(connection: Connection, request: EphemeralRequest) -> bool:
    """Return whether the settings of a conversation are those of this request: they have its time."""
    known = channel_settings.find(connection, request.channel)
    return known.changed_by == request.user and abs(known.changed_at - request.at) < _SAME


def _store(connection: Connection, request: EphemeralRequest) -> str:
    """Store submitted settings. Return what is said about that."""
    channel, given = request.channel, request.about
    before = channel_settings.find(connection, channel)
    if abs(before.changed_at - float(given["version"])) > _SAME:
        return settings_texts.CHANGED_MEANWHILE
    new = ChannelSettings(
        bool(given["quiet"]),
        str(given["language"]),
        frozenset(map(FileType, given["types"])),
        None if given["askers"] is None else frozenset(map(str, given["askers"])),
        Digest(given["digest"]),
        request.user,
        request.at,
    )
    channel_settings.put(connection, channel, new)
    # If Magpie left the conversation while Slack was asked, the event that drops its settings came too early.
    jobs.request(connection, JobKind.CONFIRM_CHANNEL, channel)
    if new.quiet:
        receipts.drop_held(connection, channel)
    if new.types != before.types:
        jobs.request(connection, JobKind.READMIT)
    return settings_texts.saved(setting_lines(new))


def setting_lines(known: ChannelSettings) -> Sequence[str]:
    """Return what differs from the defaults in one conversation, one sentence each."""
    lines = [settings_texts.IS_QUIET] if known.quiet else []
    if known.language:
        lines.append(settings_texts.answers_in(answer_languages().get(known.language, known.language)))
    if known.types:
        names = [name for type, name in settings_texts.TYPE_NAMES.items() if type in known.types]
        lines.append(settings_texts.only_types(names))
    if known.askers is not None:
        lines.append(settings_texts.only_askers(len(known.askers)))
    if known.digest is not Digest.OFF:
        lines.append(settings_texts.has_digest(settings_texts.DIGEST_NAMES[known.digest]))
    return lines
