"""The kinds of steps, and how steps are drawn and taken.

The numbers of a step choose among the objects that exist when it is taken. Without such objects it does nothing, so
that any step can be left out of a list.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence

from bot.demo.slack_server.state import Conversation
from bot.slack import buttons
from tests.leaks import (
    answer_steps,
    api_steps,
    folder_steps,
    interaction_steps,
    member_steps,
    message_steps,
    settings_steps,
    sharing_steps,
)
from tests.leaks.marked_documents import MAX_DOCUMENTS, TOPICS, MarkedDocument, name_of
from tests.leaks.selection import Step, channels, people, pick, shared_files, writable_conversation
from tests.leaks.simulation import Simulation


def _share(simulation: Simulation, step: Step) -> None:
    """Share a new document, or one that is shared already, under a new name."""
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if space is None or person is None:
        return
    if (step.c % 3 and simulation.documents) or len(simulation.documents) == MAX_DOCUMENTS:
        document = simulation.documents[step.c % len(simulation.documents)]
    else:
        document = MarkedDocument(len(simulation.documents))
        simulation.documents.append(document)
    name = len(simulation.shares)
    before = set(simulation.state.files)
    simulation.ws.post(person.id, space.id, files=[(name_of(name), document.content)])
    [file] = set(simulation.state.files) - before
    simulation.shares[file] = (document.number, name)


def _reshare(simulation: Simulation, step: Step) -> None:
    person, file = pick(people(simulation), step.a), pick(shared_files(simulation), step.b)
    space = writable_conversation(simulation, step.c, person)
    if person is not None and file is not None and space is not None:
        simulation.ws.share(person.id, file.id, space.id)


def _ask(simulation: Simulation, step: Step) -> None:
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if space is None or person is None:
        return
    topic = TOPICS[step.c % len(TOPICS)]
    words = f"which pass word and port has the {topic} at night?"
    threads = [each.ts for each in space.messages if not each.thread_ts and not each.subtype.startswith("channel")]
    thread = threads[step.c % len(threads)] if threads and step.c % 4 == 0 else ""
    simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> {words}", thread_ts=thread)


def _ask_meanwhile(simulation: Simulation, step: Step) -> None:
    """Ask, and change members or files while the model generates the answer."""
    kinds = [interaction_steps.delete_shown_document, *_CHANGES]
    simulation.generator.hook = simulation.interrupting(lambda: _change(simulation, step, kinds))
    _ask(simulation, step)


def _ask_and_change(simulation: Simulation, step: Step) -> None:
    """Ask, and change members or files while the pictures of the answer are shared."""
    kinds, raised = [interaction_steps.delete_shown_document, *_CHANGES], list[BaseException]()
    hook = simulation.interrupting(lambda: _change(simulation, step, kinds))

    def change() -> None:
        try:
            hook()
        except BaseException as error:  # noqa: BLE001 - in a thread of the server; raised in this one below
            raised.append(error)

    simulation.ws.faults.meanwhile("files.completeUploadExternal", change)
    _ask(simulation, step)
    simulation.run_until_idle()
    simulation.ws.faults.clear()
    if raised:
        raise raised[0]


def _screenshot(simulation: Simulation, step: Step) -> None:
    """Ask with a screenshot of a document, which the person may or may not be able to open."""
    person, document = pick(people(simulation), step.a), pick(simulation.documents, step.c)
    space = writable_conversation(simulation, step.b, person)
    if person is not None and document is not None and space is not None:
        before = set(simulation.state.files)
        simulation.ws.post(
            person.id, space.id, f"<@{simulation.ws.bot_user}>", files=[("shot.png", document.screenshot())]
        )
        [file] = set(simulation.state.files) - before
        simulation.screenshots[file] = document.number


def _unshare(simulation: Simulation, step: Step) -> None:
    file = pick(shared_files(simulation), step.a)
    if file is not None:
        simulation.ws.unshare(file.id, file.shares[step.b % len(file.shares)].conversation)


def _delete_file(simulation: Simulation, step: Step) -> None:
    file = pick(shared_files(simulation), step.a)
    if file is not None:
        simulation.ws.delete_file(file.id)


def _delete_message(simulation: Simulation, step: Step) -> None:
    file = pick(shared_files(simulation), step.a)
    if file is not None:
        share = file.shares[step.b % len(file.shares)]
        simulation.ws.delete_message(share.conversation, share.ts)


def _forget(simulation: Simulation, step: Step) -> None:
    file = pick(shared_files(simulation), step.a)
    if file is not None and simulation.forget(file.id):
        simulation.bot.sweep_all()


def _sweep(simulation: Simulation, step: Step) -> None:
    simulation.bot.sweep_all()


def _lose_event(simulation: Simulation, step: Step) -> None:
    """Lose an event, and run the sweep before the next question."""
    simulation.ws.faults.lose_events(1)
    STEPS[("unshare", "delete file", "delete message")[step.c % 3]](simulation, step)
    simulation.ws.faults.clear()
    simulation.bot.sweep_all()


def _share_event_late(simulation: Simulation, step: Step) -> None:
    """Deliver the event that a file was shared after the event that it was unshared."""
    file = pick(shared_files(simulation), step.a)
    if file is None:
        return
    share = file.shares[step.b % len(file.shares)]
    if simulation.ws.bot_user not in simulation.state.conversations[share.conversation].members:
        return
    simulation.ws.unshare(file.id, share.conversation)
    simulation.deliver_events()
    event = {"type": "file_shared", "file_id": file.id, "user_id": share.user, "channel_id": share.conversation}
    simulation.ws.emit(event | {"event_ts": share.ts}, share.conversation)


def _fail_lookup(simulation: Simulation, step: Step) -> None:
    """Ask while lookups at Slack fail, in a channel with different rights. The answer may show less, but not more.

    Some fail once or twice and are repeated at once; others fail until the question is answered.
    """
    mixed = [each for each in channels(simulation) if not each.archived and len(_kinds(simulation, each)) > 1]
    space = pick(mixed, step.a)
    if space is None:
        return
    person = next(each for each in people(simulation) if each.id in space.members)
    methods = ("conversations.members", "users.list", "users.conversations")
    method = methods[step.b % len(methods)]
    if step.c % 3:
        simulation.ws.faults.fail(method, 1 + step.b % 2, status=(429, 503)[step.c % 2], retry_after=0)
    else:
        simulation.ws.faults.fail(method, 1000, error="internal_error")
    simulation.bot.access.invalidate_all()
    words = f"which pass word and port has the {TOPICS[step.c % len(TOPICS)]} at night?"
    simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> {words}")
    simulation.run_until_idle()
    simulation.ws.faults.clear()


def _kinds(simulation: Simulation, space: Conversation) -> set[bool]:
    """Return whether the members are full members. A channel can have both kinds."""
    members = [each for each in people(simulation) if each.id in space.members]
    return {each.guest == "" and each.team == simulation.state.team for each in members}


def _switch_reranker(simulation: Simulation, step: Step) -> None:
    """Rerank by the images of pages from now on, or by their texts."""
    simulation.rag.rerank_images(on=bool(step.c % 2))


_Act = Callable[[Simulation, Step], None]

_CHANGES: Sequence[_Act] = (
    _unshare,
    _delete_file,
    member_steps.join,
    member_steps.leave,
    member_steps.set_guest,
    member_steps.connect,
    member_steps.make_private,
)
"""What can happen while something else does."""


def _change(simulation: Simulation, step: Step, kinds: Sequence[_Act] = _CHANGES) -> None:
    """Change members or files: one of `kinds`."""
    kinds[step.c % len(kinds)](simulation, Step("", step.a // 7, step.b // 7, step.c // 7))


def _meanwhile(act: _Act) -> _Act:
    """Return a step that changes members or files during the search of another step."""

    def step_with_hook(simulation: Simulation, step: Step) -> None:
        kinds = [*[interaction_steps.delete_found_file] * 2, *_CHANGES]
        simulation.rag.hook = simulation.interrupting(lambda: _change(simulation, step, kinds))
        act(simulation, step)
        simulation.run_until_idle()
        simulation.rag.hook = None

    return step_with_hook


def _stop(simulation: Simulation, step: Step) -> None:
    interaction_steps.stop(simulation, lambda: _ask(simulation, step), step.b // 7)


STEPS: dict[str, _Act] = {
    "share": _share,
    "share again": _reshare,
    "ask": _ask,
    "ask, and meanwhile": _ask_meanwhile,
    "ask, and when found": _meanwhile(_ask),
    "ask, and when answered": _ask_and_change,
    "screenshot": _screenshot,
    "unshare": _unshare,
    "delete file": _delete_file,
    "delete message": _delete_message,
    "join": member_steps.join,
    "leave": member_steps.leave,
    "guest": member_steps.set_guest,
    "connect": member_steps.connect,
    "flag": member_steps.set_flag,
    "make private": member_steps.make_private,
    "archive": member_steps.archive,
    "bot": member_steps.add_or_remove_bot,
    "deactivate": member_steps.deactivate,
    "newcomer": member_steps.add_person,
    "new channel": member_steps.new_channel,
    "forget": _forget,
    "sweep": _sweep,
    "lose": _lose_event,
    "late": _share_event_late,
    "fail": _fail_lookup,
    "switch reranker": _switch_reranker,
    "unreadable": interaction_steps.share_unreadable_file,
    "ask too early": interaction_steps.ask_too_early,
    "follow up": interaction_steps.follow_up,
    "more": interaction_steps.press(buttons.MORE),
    "more, and meanwhile": _meanwhile(interaction_steps.press(buttons.MORE)),
    "file": interaction_steps.press(buttons.FILE),
    "feedback": interaction_steps.press(buttons.FEEDBACK),
    "answer again with": interaction_steps.press(buttons.WITH),
    "topic": interaction_steps.press(buttons.TOPIC),
    "topic of any file": answer_steps.press_topic_of_any_file,
    "answer again after a change": answer_steps.answer_again_after(_change),
    "stop": _stop,
    "ask what no file says": interaction_steps.ask_what_no_file_says,
    "ask directly, leave": interaction_steps.ask_directly_and_leave,
    "look": interaction_steps.look_and_ask,
    "look, and meanwhile": _meanwhile(interaction_steps.look_and_ask),
    "similar": interaction_steps.similar,
    "similar, and meanwhile": _meanwhile(interaction_steps.similar),
    "index": interaction_steps.index,
    "command": interaction_steps.command,
    "command, and meanwhile": _meanwhile(interaction_steps.command),
    "command, leave": interaction_steps.command_and_leave,
    "home": interaction_steps.home,
    "ask with, and unshare": sharing_steps.ask_with_and_unshare,
    "share with attachments": sharing_steps.share_with_attachments,
    "share attachment": sharing_steps.share_attachment,
    "unshare name": sharing_steps.unshare_name,
    "share and delete": sharing_steps.share_and_delete,
    "change id": sharing_steps.change_id,
    "command, leave before delivery": sharing_steps.command_and_leave_before_delivery,
    "refuse pictures": sharing_steps.refuse_pictures,
    "token, and meanwhile": _meanwhile(api_steps.call),
    **api_steps.STEPS,
    **folder_steps.STEPS,
    **message_steps.STEPS,
    **settings_steps.STEPS,
}
_WEIGHTS = {"share": 14, "ask": 26, "ask, and meanwhile": 14, "screenshot": 8, "join": 6, "leave": 5, "guest": 4}
_WEIGHTS |= {
    "ask, and when found": 8,
    "ask, and when answered": 6,
    "ask too early": 6,
    "share again": 5,
    "unshare": 3,
    "delete file": 3,
    "delete message": 3,
    "new channel": 4,
    "fail": 4,
    "switch reranker": 6,
}
_WEIGHTS |= {"late": 4, "unreadable": 5, "follow up": 8, "more": 5, "more, and meanwhile": 4, "file": 6, "feedback": 6}
_WEIGHTS |= {
    "ask what no file says": 5,
    "ask directly, leave": 4,
    "look": 5,
    "look, and meanwhile": 3,
    "similar": 4,
    "similar, and meanwhile": 3,
    "command": 8,
    "command, and meanwhile": 5,
    "command, leave": 5,
    "index": 5,
    "home": 4,
    "ask with, and unshare": 6,
    "share with attachments": 6,
    "share attachment": 4,
    "unshare name": 4,
    "share and delete": 5,
    "change id": 6,
    "command, leave before delivery": 4,
    "refuse pictures": 3,
    **api_steps.WEIGHTS,
    **folder_steps.WEIGHTS,
    **message_steps.WEIGHTS,
    **settings_steps.WEIGHTS,
}
_DEFAULT_WEIGHT = 2
_OFTEN = 30
"""How many times as often the kinds of steps are drawn that a run asks for."""


def set_up(simulation: Simulation) -> None:
    """Create five people and conversations of every kind."""
    ws = simulation.ws
    ada, ben, cleo = ws.person("ada"), ws.person("ben"), ws.person("cleo")
    gus = ws.person("gus", guest="multi")
    eve = ws.person("eve", stranger_team="T0THEM")
    ws.channel("everyone", [ada, ben, cleo])
    ws.channel("staff", [ada, ben])
    ws.channel("guests", [ada, gus])
    ws.channel("secret", [ada, cleo], private=True)
    ws.channel("council", [ben, cleo], private=True)
    ws.channel("partners", [ada, eve], shared=True)
    for person in (ada, ben, cleo, gus):
        ws.direct(person)
    ws.group_direct([ada, ben])


def draw_steps(chance: random.Random, count: int, often: Collection[str] = ()) -> list[Step]:
    """Draw steps at random, the kinds in `often` thirty times as often as usual. The first ones share documents."""
    kinds = list(STEPS)
    weights = [_WEIGHTS.get(kind, _DEFAULT_WEIGHT) * (_OFTEN if kind in often else 1) for kind in kinds]
    shares = [Step("share", chance.randrange(1000), chance.randrange(1000), 0) for _ in range(min(6, count))]
    rest = [
        Step(kind, chance.randrange(1000), chance.randrange(1000), chance.randrange(1000))
        for kind in chance.choices(kinds, weights, k=count - len(shares))
    ]
    return shares + rest


def take_step(simulation: Simulation, step: Step) -> None:
    """Take a step, run the bot until it is idle, and check its output and the catalog."""
    STEPS[step.kind](simulation, step)
    simulation.run_until_idle()
    simulation.check_shares()
