"""The bot's tables, in the catalog's database file. Migrations are in `migrations`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from rag import MigrationHistory

HISTORY = MigrationHistory(Path(__file__).parent / "migrations", "alembic_version_bot")
"""The history of the bot's tables, which are upgraded together with the catalog's own."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

delivery = Table(
    "delivery", metadata, Column("event_id", String(64), primary_key=True), Column("at", Float, nullable=False)
)
"""Events that Slack delivered; a second delivery of the same event is ignored."""

message = Table(
    "message",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("ts", String(32), primary_key=True),
    Column("revision", Float, nullable=False, doc="when the last recorded state of the message began, from Slack"),
    Column("deleted", Boolean, nullable=False, server_default="0"),
    Column("at", Float, nullable=False, doc="when it was last recorded"),
)
"""The last recorded state of each recent message: events may arrive in any order, and more than once."""

notice = Table(
    "notice",
    metadata,
    Column("user", String(32), primary_key=True),
    Column("subject", String(64), primary_key=True, doc="what it was about, such as a kind of files"),
    Column("at", Float, nullable=False),
)
"""What each person was notified of already, so that it is said once."""

conversation = Table(
    "conversation",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("checked_until", Float, nullable=False, doc="messages until then were read; 0: never"),
    Column("files_until", Float, nullable=False, server_default="0", doc="files until then were listed; 0: never"),
    Column("reconciled_at", Float, nullable=False, server_default="0", doc="last listing of all its files"),
    Column("reviewed_at", Float, nullable=False, server_default="0", doc="last reading of older threads too"),
    Column("requested_at", Float, nullable=False, server_default="0", doc="last request of complete sweeps"),
    Column("active_at", Float, nullable=False, server_default="0", doc="newest message or file that a sweep saw"),
    Column("first_read_at", Float, nullable=False, server_default="0", doc="when its messages were first read"),
)
"""When each conversation was swept."""

viewed_channel = Table(
    "viewed_channel",
    metadata,
    Column("user", String(32), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("at", Float, nullable=False),
)
"""The channel that each person looks at beside their direct message with Magpie, if Slack says so."""

channel_setting = Table(
    "channel_setting",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("quiet", Boolean, nullable=False, server_default="0", doc="no reactions and no notices"),
    Column("language", String(8), nullable=False, server_default="", doc="of answers; empty: that of the question"),
    Column("types", JSON, nullable=False, doc="the types of files that are indexed; empty: all"),
    Column("askers", JSON, doc="ids of the people who may ask; null: everyone"),
    Column("digest", String(8), nullable=False, server_default="off", doc="Digest"),
    Column("digest_from", Float, nullable=False, server_default="0", doc="files from then on are in the next digest"),
    Column("digest_due", Float, nullable=False, server_default="0", doc="when the next digest is posted"),
    Column("changed_by", String(32), nullable=False, server_default="", doc="empty: that person was forgotten"),
    Column("changed_at", Float, nullable=False),
)
"""What people changed for one conversation with `/magpie settings`."""

workspace = Table(
    "workspace",
    metadata,
    Column("team", String(32), primary_key=True),
    Column("app", String(32), nullable=False, doc="empty: Slack did not say"),
)
"""The workspace and the app whose data this folder holds: at most one row."""

question = Table(
    "question",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False, doc="of the message, or of the button press"),
    Column("thread", String(32), nullable=False, doc="ts of the thread to reply in; empty: none"),
    Column("user", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("files", JSON, nullable=False, doc="ids of the files sent with it"),
    Column("kind", String(8), nullable=False, server_default="ask", doc="ask, or the action of a button"),
    Column("about", JSON, doc="what the button press refers to"),
    Column("refers_to", JSON, doc="the messages and files that it forwards or links to"),
    Column("state", String(16), nullable=False, doc="QuestionState"),
    Column("turn", Integer, nullable=False, server_default="0", doc="fair-queueing round; the lowest goes first"),
    Column("revision", Integer, nullable=False, server_default="0", doc="grows when it is edited or canceled"),
    Column("cancellation", String(8), doc="Cancellation: why it is no longer answered"),
    Column("attempts", Integer, nullable=False, server_default="0", doc="claims that may have failed by a fault"),
    Column("delays", Integer, nullable=False, server_default="0", doc="retries in a row, for the back-off"),
    Column("next_try", Float, nullable=False, server_default="0"),
    Column("asked_at", Float, nullable=False, doc="time of the message"),
    Column("placeholder", String(32), doc="ts of the message that becomes the answer; empty: being posted"),
    Column("stream", String(32), doc="ts of the streamed message beside the placeholder; empty: being created"),
    Column("reply", JSON, doc="text, blocks and pictures of the composed reply, until it is posted"),
    Column("used", JSON, doc="the pages that the reply uses, without their text"),
    Column("shown", Boolean, nullable=False, server_default="0", doc="whether its message shows the reply"),
    Column("outcome", String(16), doc="of the composed reply, such as not_found; null: none was composed"),
    Column("uploads", JSON, doc="file ids of the pictures, stored before they are shared"),
    Column("sharing_since", Float, doc="time at which Slack was asked to share the pictures"),
    Column("obsolete_uploads", JSON, doc="file ids of pictures of an earlier answer, to be deleted in Slack"),
    UniqueConstraint("channel", "ts"),
    Index(None, "state", "next_try"),
    Index(None, "channel", "thread"),
    Index(None, "channel", "placeholder"),
    sqlite_autoincrement=True,
)

job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False, doc="JobKind"),
    Column("channel", String(32), nullable=False, server_default="", doc="empty: not about one conversation"),
    Column("key", String(80), doc="requests with the same key are one row; null: every request is a row"),
    Column("user", String(32), nullable=False, server_default="", doc="the person it is done for; empty: no one"),
    Column("payload", JSON, doc="what the handler needs beyond the columns"),
    Column("state", String(8), nullable=False, server_default="waiting", doc="JobState"),
    Column("revision", Integer, nullable=False, server_default="1", doc="how often it was requested"),
    Column("attempts", Integer, nullable=False, server_default="0", doc="claims that may have failed by a fault"),
    Column("delays", Integer, nullable=False, server_default="0", doc="retries in a row, for the back-off"),
    Column("next_try", Float, nullable=False, server_default="0"),
    Column("created", Float, nullable=False, doc="time of the last request; of a receipt, time of its message"),
    UniqueConstraint("kind", "channel", "key"),
    Index(None, "state", "next_try"),
    sqlite_autoincrement=True,
)
"""Background work: sweeps, deletions, receipts and messages to one person."""

upload = Table(
    "upload",
    metadata,
    Column("file", String(32), primary_key=True, doc="Slack's file id, recorded before the bytes are sent"),
    Column("question", Integer, nullable=False, doc="id of the question whose answer it belongs to"),
)
"""Pictures that are uploaded, or about to be, and not shared yet."""

access_log = Table(
    "access_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, doc="when the document was first shown"),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False, doc="of the question"),
    Column("user", String(32), nullable=False, doc="who asked"),
    Column("text", Text, nullable=False, doc="the question; deleted with the first document of its reply"),
    Column("document", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("spaces", JSON, nullable=False, doc="the conversations of the scope that the document was shared in"),
    Column("scope", Text, nullable=False, doc="what the reply was allowed to use and why, in words"),
    Column("readers", JSON, doc="ids of the people who could read the reply then; null: see `scope`"),
    UniqueConstraint("channel", "ts", "document"),
    Index(None, "sha256"),
    Index(None, "document"),
)
"""Which documents each person was shown. Documents are named by hash and number only."""

evidence = Table(
    "evidence",
    metadata,
    Column("file", String(32), primary_key=True, doc="Slack's id of a picture that Magpie sent"),
    Column("channel", String(32), nullable=False),
    Column("document", Integer, nullable=False),
    Column("sha256", String(64), nullable=False, server_default="", doc="of the document; it may get another id"),
    Column("left_at", Float, doc="when Magpie left the conversation; null: it is there"),
    Index(None, "document"),
)
"""Pictures of documents that Magpie sent."""

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, doc="time of the last press"),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False, doc="of the question"),
    Column("user", String(32), nullable=False, doc="who pressed"),
    Column("verdict", String(8), nullable=False, doc="Rating"),
    Column("asker", String(32), nullable=False),
    Column("text", Text, nullable=False, doc="the question; deleted with the first document that it may come from"),
    Column("answer", Text, nullable=False, doc="the answer as its readers saw it; deleted together with the question"),
    Column("passages", JSON, nullable=False, doc="document, sha256, page, number and cited of each; no text"),
    Column("documents", JSON, nullable=False, doc="[document, mark of its name] that the text may come from"),
    UniqueConstraint("channel", "ts", "user"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", String(16), primary_key=True, doc="the part of the token that is not secret"),
    Column("name", String(80), nullable=False, doc="what the operator calls it"),
    Column("hash", String(64), nullable=False, doc="SHA-256 of the token"),
    Column("user", String(32), nullable=False, server_default="", doc="the person it acts for; empty: see `spaces`"),
    Column("spaces", JSON, nullable=False, doc="the spaces it may search if it acts for no person"),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float, doc="last use, to the hour"),
    Column("revoked_at", Float, doc="null: it was not revoked"),
    Index(None, "user"),
)
"""Tokens of other tools that call MCP or the HTTP API."""
