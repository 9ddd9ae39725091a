"""Guards that take effect when something happens in Slack: a file leaves, a message is deleted, a person asks alone."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.mutations import Mutation

EVENTS: Mapping[str, tuple[Mutation, ...]] = {
    "again": (
        Mutation(
            "bot.jobs.answer_again:AnswerAgain._unread",
            "return Unread.of(self._rag, granted.scope)",
            "from rag import Scope\n\n        return Unread.of(self._rag, Scope(None))",
        ),
    ),
    "cache": (Mutation("bot.listeners.app:build_app", "access.invalidate(item)", "pass"),),
    "unshared": (
        Mutation(
            "bot.inbox.recording:record",
            "check_space(connection, KIND, file, channel, at or time())",
            "pass",
        ),
    ),
    "taken out": (
        Mutation("bot.inbox.recording:_end_missing", "if share.ref not in present:", "if False:"),
        Mutation("bot.inbox.recording:_end_unknown", "for file in files:", "for file in ():"),
    ),
    "unknown message": (Mutation("bot.inbox.recording:_end_unknown", "for file in files:", "for file in ():"),),
    "deleted first": (
        Mutation("bot.db.message_states:advance", "if known is not None and known.deleted:", "if False:"),
    ),
    "revisions": (
        Mutation("bot.db.message_states:advance", "if known is not None and known.revision > revision:", "if False:"),
    ),
    "index": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._index", "if request.channel not in channels_of(raw):", "if False:"
        ),
        Mutation(
            "rag.catalog.shares:_next_state",
            "if new.requested and was is not ShareState.DEPARTED:",
            "if new.requested:",
        ),
    ),
    "listed": (Mutation("bot.jobs.sweep_files:FileSweep._add_file", "put_share(connection, decide(", "id(decide("),),
    "receipt": (
        Mutation(
            "bot.inbox.recording:_record_file",
            "if (limits.receipts or refused) and recorded in",
            "if False and recorded in",
        ),
    ),
    "respond": (
        Mutation("bot.jobs.ephemeral:EphemeralMessages._send", "self._compose(request) if recheck else reply", "reply"),
    ),
    "uploads": (Mutation("bot.main:_maintenance", "maintenance.delete_abandoned_uploads()", "None"),),
    "left": (
        Mutation(
            "bot.inbox.recording:record",
            "case Left(channel):\n            leave(connection, channel)",
            "case Left(channel):\n            pass",
        ),
    ),
    "replies": (
        Mutation("bot.db.reply_progress:end_question", '{"state": state, "reply": null(), ', '{"state": state, '),
        Mutation(  # it would delete the replies that were not, once a source is gone
            "bot.db.reply_progress:list_outdated_replies",
            "where(question.c.reply.is_not(None))",
            "where(question.c.reply.is_not(None), question.c.state.not_in(['done', 'failed']))",
        ),
    ),
    "find": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._find",
            "if named and {row.document for row in found} == set(reply.documents):",
            "if True:",
        ),
    ),
    "stays": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._compose",
            "return reply if is_member else",
            "return reply if True else",
        ),
        Mutation("bot.jobs.ephemeral:EphemeralMessages._send", "self._compose(request) if recheck else reply", "reply"),
    ),
    "status": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._status",
            "summary = ConversationSummary.of(request.channel, source_statuses_in(connection, request.channel))",
            "rows = connection.exec_driver_sql('SELECT DISTINCT space FROM share').all()\n            "
            "statuses = [status for row in rows for status in source_statuses_in(connection, row[0])]\n            "
            "summary = ConversationSummary.of(request.channel, statuses)",
        ),
    ),
    "home": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._show_home",
            "spaces = sorted(granted.scope.spaces or ())",
            "spaces = [row[0] for row in connection.exec_driver_sql('SELECT DISTINCT space FROM share').all()]",
        ),
    ),
    "feedback": (Mutation("bot.db.access_log:scrub", "feedback.scrub(connection)", "pass"),),
    "stop": (Mutation("bot.listeners.interactions:_stop", "if asked.user != user:", "if False:"),),
    "stop button of slack": (Mutation("bot.db.questions:list_open_of", " & (question.c.user == user)", ""),),
    "unanswered": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._unanswered",
            "list_unanswered(connection, channels)",
            "list_unanswered(connection)",
        ),
    ),
    "who may ask": (Mutation("bot.inbox.asked:_may_ask", ".may_ask(asked.user)", ".may_ask(asked.user) or True"),),
    "digest": (
        Mutation(
            "bot.jobs.digest:Digests._post",
            "Scope.of(channel)",
            "Scope(None)",
        ),
    ),
    "traces": (Mutation("bot.jobs.questions:_QuestionWorker.marked", "self.step_name", "work.question.text"),),
    "metrics": (
        Mutation(
            "bot.slack.transport:_CountedClient.api_call",
            'self.metrics.slack_called(api_method, "ok")',
            'self.metrics.slack_called(str(arguments), "ok")',
        ),
    ),
}
