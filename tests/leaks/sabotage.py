"""Break one access guard at a time in a copy of the code, and run the leak test, which must find a leak."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.mutations import Mutation, mutated_copy, run_module

CAUGHT_WITHIN = 500
"""Steps."""

GUARDS: Mapping[str, tuple[Mutation, ...]] = {
    "words": (
        Mutation(
            "rag.catalog.fulltext:_inside",
            "if shape == EVERYTHING:\n        return []\n    # The plus",
            "if True:\n        return []\n    # The plus",
        ),
    ),
    "corrections": (
        Mutation(
            "rag.catalog.fulltext:Fts5Index.similar",
            "for token in tokens], scope)",
            "for token in tokens], Scope.operator())",
        ),
    ),
    "vectors": (
        Mutation(
            "rag.vectors.search:NeighborSearch._join",
            "allowed_chunks(connection, [neighbor.chunk for neighbor in near], scope)",
            "allowed_chunks(connection, [neighbor.chunk for neighbor in near], Scope.operator())",
        ),
        Mutation(
            "rag.vectors.search:NeighborSearch.nearest",
            "document_ids_in(connection, scope)",
            "document_ids_in(connection, Scope.operator())",
        ),
    ),
    "pixels": (Mutation("rag.catalog.fingerprints:_in", ", document.c.id.in_(documents_in(shape_of(scope)))", ""),),
    "page images": (
        Mutation(
            "rag.catalog.page_tokens:_pages",
            '.where(are_in((chunk.c.document_id, chunk.c.page), "pages"), inside)',
            "",
        ),
    ),
    "reranked names": (
        Mutation(
            "rag.search.reranking:read_passages",
            "shares_shown(connection, [document for document, _ in pages], scope,",
            "shares_shown(connection, [document for document, _ in pages], Scope.operator(),",
        ),
    ),
    "reranked pages": (
        Mutation(
            "rag.search.reranking:Reranking._judged_by_text",
            "passages = read_passages(connection, pages, rankings, scope)",
            "rows = connection.exec_driver_sql('SELECT document_id, page, text FROM chunk').all()\n"
            "            passages = [((row[0], row[1]), row[2]) for row in rows]",
        ),
    ),
    "reranked pictures": (
        Mutation(
            "rag.search.reranking:Reranking._judged_by_image",
            "paths = page_images(connection, pages, scope)",
            "rows = connection.exec_driver_sql(\n"
            "                'SELECT d.id, p.number, p.extraction_id, p.image FROM page p '\n"
            "                'JOIN document d ON d.extraction_id = p.extraction_id WHERE p.image IS NOT NULL'\n"
            "            ).all()\n"
            "            paths = {(row[0], row[1]): f'pictures/{row[2]}/{row[3]}' for row in rows}\n"
            "            pages = [*sorted(paths), *pages]",
        ),
    ),
    "names": (
        Mutation(
            "rag.catalog.scope:_shares_shown",
            "is_live(way), *shares_in(shape, way)",
            "is_live(way), is_visible()",
        ),
    ),
    "attached": (
        Mutation(
            "rag.catalog.scope:shared_documents_in",
            "*shares_in(shape, way)]",
            "*(shares_in(shape, way) if way is OWN else [])]",
        ),
        Mutation("rag.catalog.scope:_shares_shown", "*shares_in(shape, way)", "is_visible()"),
    ),
    "known attachment": (Mutation("rag.catalog.share_delay:delay_for_attachments", "if seconds:", "if False:"),),
    "evidence": (
        Mutation(
            "rag.search.hits:build_hits",
            'folder = data / "pictures" / str(row.extraction)',
            'folder = data / "pictures" / "1"',
        ),
    ),
    "recheck": (
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "{row.document for row in found} != set(reply.documents)",
            "False",
        ),
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "if not access_log.are_names_current(connection, reply.used, granted.scope):",
            "if False:",
        ),
    ),
    "renamed": (
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "if not access_log.are_names_current(connection, reply.used, granted.scope):",
            "if False:",
        ),
    ),
    "stream": (Mutation("bot.answers.asking:Asking.ask", "if may_be_streamed:", "if True:"),),
    "progress": (Mutation("bot.answers.asking:Asking.ask", "if watch.is_unchanged(work.question):", "if True:"),),
    "remark": (
        Mutation(
            "bot.answers.compose:Composer._named_in_remark",
            "return [UsedPage(0, 0, shown=True, post=mark) for mark in marks]",
            "return []",
        ),
    ),
    "unread": (
        Mutation(
            "bot.answers.unread_files:Unread.of",
            "list_unread_files(connection, scope)",
            "list_unread_files(connection, Scope(None))",
        ),
        Mutation("bot.answers.unread_files:with_unread", ".with_names(unread.used)", ""),
    ),
    "again": (
        Mutation(
            "bot.jobs.answer_again:AnswerAgain._unread",
            "return Unread.of(self._rag, granted.scope)",
            "from rag import Scope\n\n        return Unread.of(self._rag, Scope(None))",
        ),
    ),
    "revision": (
        Mutation("bot.answers.scope_watch:ScopeWatch.is_unchanged", "if self._revision != revision:", "if False:"),
    ),
    "guests": (
        Mutation(
            "bot.access.directory:Directory.are_all_full_members",
            "return all(person.is_full_member for person in found if person.is_active)",
            "return True",
        ),
    ),
    "connect": (Mutation("bot.access.policy:Access._granted", "if here.outside:", "if False:"),),
    "public": (Mutation("bot.access.policy:_public", " and not channel.outside", ""),),
    "private": (Mutation("bot.access.policy:_public", "if channel.public and not", "if not channel.direct and not"),),
    "folders": (
        Mutation(
            "bot.access.policy:Access._granted_to_person",
            "Scope.of(*own, *joined)",
            "Scope.of(*own, EVERYONE, *joined)",
        ),
    ),
    "folders in channels": (
        Mutation(
            "bot.access.policy:Access._granted",
            "return Granted(Scope.of(channel), why, readers=readers)",
            "return Granted(Scope.of(channel, EVERYONE), why, readers=readers)",
        ),
    ),
    "folders not named any more": (Mutation("rag.ingest.following:Following.follow", "if drop_others:", "if False:"),),
    "memberships": (
        Mutation(
            "bot.access.policy:Access._granted_to_person",
            "for id in theirs if id in ours",
            "for id in ours if id in ours",
        ),
    ),
    "cache": (Mutation("bot.listeners.app:build_app", "access.invalidate(item)", "pass"),),
    "failure": (
        Mutation(
            "bot.access.directory:Directory.are_all_full_members",
            "members = self.members(channel, until)\n",
            "try:\n            members = self.members(channel, until)\n"
            "        except Exception:\n            return True\n",
        ),
    ),
    "unshared": (
        Mutation(
            "bot.inbox:record",
            "check_space(connection, KIND, file, channel, at or time())",
            "pass",
        ),
    ),
    "withheld": (
        Mutation("rag.catalog.scope:is_visible", "share.c.state == ShareState.SHARED", "share.c.state.in_(LIVE)"),
    ),
    "settled": (Mutation("rag.catalog.share_ends:settle_shares", "        if is_there:", "        if True:"),),
    "taken out": (
        Mutation("bot.inbox:_end_missing", "if share.ref not in present:", "if False:"),
        Mutation("bot.inbox:_end_unknown", "for file in files:", "for file in ():"),
    ),
    "unknown message": (Mutation("bot.inbox:_end_unknown", "for file in files:", "for file in ():"),),
    "presence": (
        Mutation(
            "bot.answers.question_files:QuestionFiles.sent_with",
            "(pictures if file.picture else documents).append(id)",
            "(pictures if file.picture else documents).append(id)\n                from rag import Share, put_share\n\n"
            "                with self._rag.write_transaction() as connection:\n"
            "                    put_share(connection, Share(KIND, id, question.channel, file.name))",
        ),
        Mutation(
            "bot.answers.question_files:QuestionFiles.find",
            "is_shared = bool(standing) or (listing.is_there and not ended)",
            "is_shared = True",
        ),
    ),
    "moved": (
        Mutation(
            "rag.catalog.share_ends:move_space",
            "list_shares(connection, space=old, states=tuple(ShareState))",
            "list_shares(connection, space=old)",
        ),
    ),
    "deleted first": (
        Mutation("bot.db.message_states:advance", "if known is not None and known.deleted:", "if False:"),
    ),
    "revisions": (
        Mutation("bot.db.message_states:advance", "if known is not None and known.revision > revision:", "if False:"),
    ),
    "unshared first": (
        Mutation(
            "rag.catalog.shares:_first_state", "    return ShareState.CHECKING\n", "    return ShareState.SHARED\n"
        ),
    ),
    "every space": (
        Mutation(
            "rag.catalog.shares:_next_state",
            'if _row(connection, source_id, EVERY_SPACE, "") is not None:',
            "if False:",
        ),
    ),
    "forgotten": (Mutation("rag.catalog.shares:_after_end", "return ShareState(known.state)", "return new.state"),),
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
    "ended words": (Mutation("rag.catalog.share_ends:_end_rows", "    if with_words:", "    if False:"),),
    "dropped words": (Mutation("rag.catalog.share_ends:drop_rows", "    if with_words:", "    if False:"),),
    "words of shares": (
        Mutation(
            "rag.catalog.share_words:search_share_words",
            "_matching(_table(version), shape_of(scope))",
            "_matching(_table(version), shape_of(Scope(None)))",
        ),
        Mutation("rag.catalog.pages:first_pages", "shape_of(scope)", "shape_of(Scope(None))"),
    ),
    "words of names": (
        Mutation(
            "rag.catalog.share_names:search_names",
            "shape_of(scope)",
            "shape_of(Scope(None))",
        ),
        Mutation("rag.catalog.pages:first_pages", "shape_of(scope)", "shape_of(Scope(None))"),
    ),
    "languages": (
        Mutation("rag.catalog.languages:_languages", "rows if shape == EVERYTHING else", "rows if True else"),
    ),
    "known document": (
        Mutation("rag.catalog.share_delay:_delay", "connection.execute(update(share)", "(update(share)"),
    ),
    "limits": (Mutation("bot.answers.limits:_narrow", "else spaces & named", "else frozenset(named)"),),
    "nothing": (
        Mutation("rag.catalog.shares:_put", "        _insert(connection, source_id, new, state)", "        pass"),
    ),
    "one of seven": (
        Mutation("rag.catalog.shares:_put", "    if known is None:", "    if known is None and source_id % 7 != 3:"),
    ),
    "standing": (
        Mutation(
            "rag.catalog.share_ends:settle_shares",
            "share.c.state == ShareState.CHECKING), ShareState.SHARED)",
            "share.c.state == ShareState.CHECKING), ShareState.DEPARTED)",
        ),
    ),
    "listed": (Mutation("bot.jobs.sweep_files:FileSweep._add_file", "put_share(connection, decide(", "id(decide("),),
    "receipt": (
        Mutation(
            "bot.inbox:_record_file", "if (limits.receipts or refused) and recorded in", "if False and recorded in"
        ),
    ),
    "respond": (
        Mutation("bot.jobs.ephemeral:EphemeralMessages._send", "self._compose(request) if recheck else reply", "reply"),
    ),
    "uploads": (Mutation("bot.main:_maintenance", "maintenance.delete_abandoned_uploads()", "None"),),
    "left": (
        Mutation(
            "bot.inbox:record",
            "case Left(channel):\n            leave(connection, channel)",
            "case Left(channel):\n            pass",
        ),
    ),
    "bytes": (Mutation("rag.ingest.deletion:_delete", "path.unlink()", "pass"),),
    "replies": (Mutation("bot.db.questions:end_question", '{"state": state, "reply": null(), ', '{"state": state, '),),
    "history": (
        Mutation(
            "bot.answers.history:thread_history",
            "if documents <= allowed and access_log.are_names_current(connection, used.get(ts, ()), scope)",
            "",
        ),
        Mutation(
            "bot.answers.history:thread_history",
            "frozenset().union(*(documents_of[ts] for ts in usable)), list(names))",
            "frozenset(), ())",
        ),
    ),
    "lists": (
        Mutation(
            "bot.answers.page_list:pages_reply",
            'return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], documents_of(hits), used, "pages")',
            "return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], [], used)",
        ),
    ),
    "more": (
        Mutation(
            "bot.answers.followups:_more",
            "scope = replace(granted.scope, documents=found.documents)\n    original =",
            "scope = Scope(None, found.documents)\n    on =",
        ),
    ),
    "file": (
        Mutation(
            "bot.answers.followups:_only_file",
            "scope = replace(granted.scope, documents=found.documents)\n    known =",
            "scope = Scope(None, found.documents)\n    known =",
        ),
    ),
    "similar": (
        Mutation(
            "bot.answers.followups:_similar",
            "granted = composer.granted(question)\n    text",
            'granted = Granted(Scope(None), "")\n    text',
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
    "unanswered in direct messages": (
        Mutation(
            "bot.access.policy:Access.channels_of_admin",
            " and not ours[id].direct and not ours[id].group",
            "",
        ),
    ),
    "channel looked at": (
        Mutation(
            "bot.answers.compose:Composer._viewed_channel",
            'return channel if channel in (scope.spaces or ()) else ""',
            "return channel",
        ),
    ),
    "token": (
        Mutation(
            "bot.access.policy:Access.granted_to",
            "granted = self._granted_to_person(person, own, ours, until)",
            'granted = Granted(Scope.of(*ours), "")',
        ),
    ),
    "person of a token": (
        Mutation(
            "bot.access.policy:Access.granted_to",
            "if not (person.is_active and person.is_of_workspace):",
            "if False:",
        ),
    ),
    "recheck of a token": (
        Mutation(
            "bot.api.api:Api._may_leave",
            "if not (before.spaces or frozenset()) <= (granted.scope.spaces or frozenset()):",
            "if False:",
        ),
        Mutation("bot.api.api:Api._may_leave", "if {row.document for row in found} != documents:", "if False:"),
        Mutation(
            "bot.api.api:Api._may_leave",
            "if not access_log.are_names_current(connection, outcome.used, granted.scope):",
            "if False:",
        ),
    ),
    "page of a token": (
        Mutation(
            "bot.api.operations:get_page",
            "rag.read_page(request.document, request.page, scope)",
            "rag.read_page(request.document, request.page, scope.operator())",
        ),
        Mutation("bot.api.api:Api._may_leave", "if {row.document for row in found} != documents:", "if False:"),
        Mutation(
            "bot.api.api:Api._may_leave",
            "if not access_log.are_names_current(connection, outcome.used, granted.scope):",
            "if False:",
        ),
    ),
    "picture of a token": (
        Mutation(
            "bot.api.operations:similar_to_image",
            "rag.find_picture(path, scope, request.limit)",
            "rag.find_picture(path, scope.operator(), request.limit)",
        ),
    ),
    "logs": (
        Mutation(
            "bot.answers.respond:Responder._compose_showable",
            'log.info("A reply is composed',
            'log.info(reply.text + " is composed',
        ),
    ),
    "settings of a channel": (
        Mutation(
            "bot.access.policy:Access.may_change_settings",
            "MayChange(person.is_admin or is_creator, is_direct)",
            "MayChange(True, is_direct)",
        ),
    ),
    "who may ask": (Mutation("bot.inbox:_may_ask", ".may_ask(asked.user)", ".may_ask(asked.user) or True"),),
    "digest": (
        Mutation(
            "bot.jobs.digest:Digests._post",
            "Scope.of(channel)",
            "Scope(None)",
        ),
    ),
    "heading of a button": (
        Mutation(
            "bot.answers.followups:_topic",
            "_heading(composer, work.question, granted.scope)",
            "_heading(composer, work.question, Scope(None))",
        ),
        Mutation(
            "bot.answers.followups:_topic",
            "within = replace(granted, scope=replace(granted.scope, ",
            "within = replace(granted, scope=replace(Scope(None), ",
        ),
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "{row.document for row in found} != set(reply.documents)",
            "False",
        ),
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "if not access_log.are_names_current(connection, reply.used, granted.scope):",
            "if False:",
        ),
    ),
    "traces": (Mutation("bot.jobs.questions:_QuestionWorker.marked", "self.step_name", "work.question.text"),),
    "metrics": (
        Mutation(
            "bot.slack.client:_CountedClient.api_call",
            'self.metrics.slack_called(api_method, "ok")',
            'self.metrics.slack_called(str(arguments), "ok")',
        ),
    ),
}
"""Mutations by the name of the guard. A second mutation breaks a guard that would hide the effect of the first."""


OFTEN: Mapping[str, tuple[str, ...]] = {
    "reranked pictures": ("switch reranker",),
    "remark": ("unreadable", "ask with, and unshare"),
    "unknown message": ("lose share",),
    "deleted first": ("shuffle",),
    "unshared first": ("shuffle",),
    "every space": ("shuffle",),
    "index": ("index",),
    "stream": ("ask directly, leave", "join"),
    "stop button of slack": ("stop",),
    "channel looked at": ("look",),
    "unanswered": ("ask in vain",),
    "unanswered in direct messages": ("ask in vain",),
    "token": ("token",),
    "person of a token": ("token", "deactivate"),
    "recheck of a token": ("token, and meanwhile",),
    "page of a token": ("token",),
    "picture of a token": ("token",),
    "settings of a channel": ("settings",),
    "heading of a button": ("topic of any file",),
    "who may ask": ("ask, not allowed",),
    "digest": ("digest",),
}
"""Steps that are taken thirty times as often while a guard is broken. Without this, the combination of events that it
guards against comes once in some 500 steps: for example, the message arrives after the event that its file is gone."""


def run_sabotaged(name: str, seed: int, processes: int) -> str | None:
    """Run the leak test with one guard broken. Return the leak and its step, or None."""
    with mutated_copy(GUARDS[name]) as copy:
        arguments = ["--steps", str(CAUGHT_WITHIN), "--seed", str(seed), "--plain", "--processes", str(processes)]
        arguments += [f"--often={kind}" for kind in OFTEN.get(name, ())]
        result = run_module(copy, "tests.leaks", arguments, {"SABOTAGE": ""}, capture=True)
    if result.returncode == 0:
        return None
    found = [line for line in result.stdout.splitlines() if line.startswith("LEAK")]
    if not found:
        raise RuntimeError(f"the run with {name} broken ended with {result.returncode}: {result.stderr[-2000:]}")
    return found[0].removeprefix("LEAK: ").removesuffix(". Steps to reproduce it:")
