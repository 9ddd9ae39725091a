"""Files of other kinds than uploads: snippets, canvases, posts, e-mails, lists, recordings, and files held elsewhere.

Their fields follow public samples of file objects. Unconfirmed: the `mode` of canvases, posts and lists, the bytes
that posts and lists are downloaded as, and whether an external file lacks `url_private_download`.
"""

from __future__ import annotations

import json
from html import escape
from typing import Literal

from bot.demo.slack_server import actions, events, file_actions
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.file_actions import FileForm
from bot.demo.slack_server.file_types import detect_type
from bot.demo.slack_server.state import Json

MEDIA = {"audio": ("m4a", "audio/mp4"), "video": ("mp4", "video/mp4")}
EXTERNAL_TYPES = {
    "gdrive": ("gdoc", "application/vnd.google-apps.document"),
    "dropbox": ("pdf", "application/pdf"),
}


class SpecialFiles:
    """Each method shares a new file in a message of `user`, with `text`, and returns the file's id."""

    def __init__(self, context: Context) -> None:
        self._context, self._state = context, context.state

    def upload(
        self,
        user: str,
        channel: str,
        name: str,
        data: bytes,
        details: Json,
        *,
        text: str = "",
        thread_ts: str = "",
    ) -> str:
        """An uploaded file with other fields than usual: `{"filetype": "binary"}`, `{"url_private_download": None}`."""
        mimetype, filetype = detect_type(name, data)
        return self._share(user, channel, name, data, FileForm("hosted", filetype, mimetype, details), text, thread_ts)

    def snippet(
        self,
        user: str,
        channel: str,
        name: str,
        content: str,
        *,
        filetype: str = "text",
        text: str = "",
        thread_ts: str = "",
    ) -> str:
        form = FileForm("snippet", filetype, "text/plain")
        return self._share(user, channel, name, content.encode(), form, text, thread_ts)

    def external(
        self,
        user: str,
        channel: str,
        name: str,
        url: str,
        *,
        external_type: Literal["gdrive", "dropbox"] = "gdrive",
        text: str = "",
        thread_ts: str = "",
    ) -> str:
        """A file that Slack only links to: `is_external`, and its address is elsewhere."""
        details: Json = {"external_type": external_type, "external_id": url.rpartition("/")[2], "external_url": url}
        details |= {"url_private": url, "url_private_download": None}
        form = FileForm("external", *EXTERNAL_TYPES[external_type], details)
        return self._share(user, channel, name, b"", form, text, thread_ts)

    def canvas(
        self,
        user: str,
        channel: str,
        title: str,
        html: str,
        *,
        mode: str = "quip",
        text: str = "",
        thread_ts: str = "",
    ) -> str:
        """A canvas: filetype quip, downloaded as HTML."""
        details: Json = {"pretty_type": "Canvas", "editable": True, "is_restricted_sharing_enabled": False}
        form = FileForm(mode, "quip", "application/vnd.slack-docs", details, "text/html")
        return self._share(user, channel, title, html.encode(), form, text, thread_ts)

    def post(self, user: str, channel: str, title: str, words: str, *, text: str = "", thread_ts: str = "") -> str:
        """A post, the older kind of page: filetype space, downloaded as JSON that holds HTML."""
        data = json.dumps({"full": "".join(f"<p>{escape(each)}</p>" for each in words.splitlines()), "preview": words})
        form = FileForm("space", "space", "text/plain", {"pretty_type": "Post", "editable": True, "preview": words})
        return self._share(user, channel, title, data.encode(), form, text, thread_ts)

    def email(
        self,
        user: str,
        channel: str,
        subject: str,
        plain_text: str,
        *,
        sender: str = "carol@example.com",
        text: str = "",
        thread_ts: str = "",
    ) -> str:
        """An e-mail that was sent to a channel: filetype email, its words in the fields of the file object."""
        html = f"<html><body><p>{escape(plain_text)}</p></body></html>"
        address = {"address": sender, "name": sender.partition("@")[0].title(), "original": sender}
        details: Json = {"pretty_type": "Email", "subject": subject, "from": [address], "to": [], "cc": []}
        details |= {"plain_text": plain_text, "simplified_html": html, "preview_plain_text": plain_text[:100]}
        details |= {"attachments": [], "has_more": False}
        form = FileForm("email", "email", "text/html", details)
        return self._share(user, channel, subject, html.encode(), form, text, thread_ts)

    def list(
        self, user: str, channel: str, title: str, rows: list[list[str]], *, text: str = "", thread_ts: str = ""
    ) -> str:
        """A Slack List, a table of records; the first of `rows` names the columns."""
        columns = [{"id": f"Col{n:02d}", "name": name, "type": "text"} for n, name in enumerate(rows[0], 1)]
        details: Json = {"pretty_type": "List", "list_metadata": {"schema": columns}, "editable": True}
        form = FileForm("list", "list", "application/vnd.slack-list", details, "application/json")
        return self._share(user, channel, title, json.dumps(rows).encode(), form, text, thread_ts)

    def recording(
        self,
        user: str,
        channel: str,
        name: str,
        data: bytes,
        *,
        kind: Literal["audio", "video"] = "audio",
        transcript: str | None = "",
        text: str = "",
        thread_ts: str = "",
    ) -> str:
        """An audio or video clip. Slack is still transcribing it if `transcript` is None, see `transcribe`."""
        details: Json = {"subtype": f"slack_{kind}", "media_display_type": kind, "duration_ms": 4000}
        details["transcription"] = {"status": "processing"}
        file_id = self._share(user, channel, name, data, FileForm("hosted", *MEDIA[kind], details), text, thread_ts)
        if transcript is not None:
            self.transcribe(file_id, transcript, send_event=False)
        return file_id

    def transcribe(self, file_id: str, transcript: str, *, send_event: bool = True) -> None:
        """Finish the transcription: status complete, a preview of the words, captions at `vtt`, and file_change."""
        state = self._state
        with state.changed:
            file = state.files[file_id]
            preview = {"content": transcript[:100], "has_more": len(transcript) > 100}
            file.details["transcription"] = {"status": "complete", "locale": "en-US", "preview": preview}
            file.parts["vtt"] = f"WEBVTT\n\n00:00:00.000 --> 00:00:04.000\n{transcript}\n".encode()
            self._context.push_events(events.file_changed(state, file) if send_event else [])

    def _share(self, user: str, channel: str, name: str, data: bytes, form: FileForm, text: str, thread_ts: str) -> str:
        with self._state.changed:
            file = file_actions.create(self._context, self._state.person_id(user), name, data, form=form)
            draft = NewMessage(text, files=[file.id], thread_ts=thread_ts, upload=form.mode != "external")
            actions.post(self._context, user, channel, draft)
            return file.id
