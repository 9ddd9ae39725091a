"""Guards of replies, in Slack and in other tools: who may see what, looked up again before it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.mutations import Mutation

_RECHECK = (
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
)
"""What is looked up again before a reply is shown: its documents, and the names in it."""

_RECHECK_OF_TOKEN = (
    Mutation("bot.api.api:Api._may_leave", "if {row.document for row in found} != documents:", "if False:"),
    Mutation(
        "bot.api.api:Api._may_leave",
        "if not access_log.are_names_current(connection, outcome.used, granted.scope):",
        "if False:",
    ),
)

REPLIES: Mapping[str, tuple[Mutation, ...]] = {
    "recheck": _RECHECK,
    "renamed": _RECHECK[1:],
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
    "memberships": (
        Mutation(
            "bot.access.policy:Access._granted_to_person",
            "for id in theirs if id in ours",
            "for id in ours if id in ours",
        ),
    ),
    "failure": (
        Mutation(
            "bot.access.directory:Directory.are_all_full_members",
            "members = self.members(channel, until)\n",
            "try:\n            members = self.members(channel, until)\n"
            "        except Exception:\n            return True\n",
        ),
    ),
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
    "limits": (Mutation("bot.answers.limits:_narrow", "else spaces & named", "else frozenset(named)"), *_RECHECK),
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
            "return Reply(break_links(plain), blocks, list(pictures)[:PICTURES])",
        ),
    ),
    "more": (
        Mutation(
            "bot.answers.followups:_more",
            "scope = replace(granted.scope, documents=found.documents)\n    original =",
            "scope = Scope(None, found.documents)\n    original =",
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
            "granted = replace(composer.granted(question), scope=Scope(None))\n    text",
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
        *_RECHECK_OF_TOKEN,
    ),
    "page of a token": (
        Mutation(
            "bot.api.operations:get_page",
            "rag.read_page(request.document, request.page, scope)",
            "rag.read_page(request.document, request.page, scope.operator())",
        ),
        *_RECHECK_OF_TOKEN,
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
    "carousel": (
        Mutation(
            "bot.answers.respond:Responder._with_carousel",
            "if not self._may_show(claimed, reply):",
            "if False:",
        ),
    ),
    "answer again": (
        Mutation(
            "bot.answers.followups:_with",
            "within = replace(granted, scope=replace(granted.scope, ",
            "within = replace(granted, scope=replace(Scope(None), ",
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
        *_RECHECK,
    ),
}
