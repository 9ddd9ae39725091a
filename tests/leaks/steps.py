"""What may happen in a workspace: steps of a kind and three numbers, so that any of them can be left out of a list.

The numbers choose among what is there when the step is taken; a step with nothing to choose from does nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bot.demo.slack_server.state import Conversation
from bot.slack import buttons
from tests.leaks import presence, presses
from tests.leaks.choosing import Step, channels, open_to, people, pick, shared
from tests.leaks.papers import MOST, TOPICS, Paper, name_of
from tests.leaks.town import Town


def _share(town: Town, step: Step) -> None:
    """A new paper, or one that is elsewhere already, under a name of its own."""
    person = pick(people(town), step.a)
    space = open_to(town, step.b, person)
    if space is None or person is None:
        return
    if (step.c % 3 and town.papers) or len(town.papers) == MOST:
        paper = town.papers[step.c % len(town.papers)]
    else:
        paper = Paper(len(town.papers))
        town.papers.append(paper)
    name = len(town.shares)
    before = set(town.world.files)
    town.ws.post(person.id, space.id, files=[(name_of(name), paper.content)])
    [file] = set(town.world.files) - before
    town.shares[file] = (paper.number, name)


def _reshare(town: Town, step: Step) -> None:
    person, file = pick(people(town), step.a), pick(shared(town), step.b)
    space = open_to(town, step.c, person)
    if person is not None and file is not None and space is not None:
        town.ws.share(person.id, file.id, space.id)
        town.forgotten.discard(file.id)


def _ask(town: Town, step: Step) -> None:
    person = pick(people(town), step.a)
    space = open_to(town, step.b, person)
    if space is None or person is None:
        return
    topic = TOPICS[step.c % len(TOPICS)]
    words = f"which pass word and port has the {topic} at night?"
    threads = [each.ts for each in space.messages if not each.thread_ts and not each.subtype.startswith("channel")]
    thread = threads[step.c % len(threads)] if threads and step.c % 4 == 0 else ""
    town.ws.post(person.id, space.id, f"<@{town.ws.bot_user}> {words}", thread_ts=thread)


def _ask_meanwhile(town: Town, step: Step) -> None:
    """While the model thinks, somebody comes or goes, or a file does."""
    kinds = [presses.shown_goes, _unshare, _delete_file, _join, _leave, _guest, _connect, _make_private]
    happens, other = kinds[step.c % len(kinds)], Step("", step.a // 7, step.b // 7, step.c // 7)
    town.generator.meanwhile = town.during(lambda: happens(town, other))
    _ask(town, step)


def _screenshot(town: Town, step: Step) -> None:
    """Somebody has a picture of a page, whether they may open it or not."""
    person, paper = pick(people(town), step.a), pick(town.papers, step.c)
    space = open_to(town, step.b, person)
    if person is not None and paper is not None and space is not None:
        before = set(town.world.files)
        town.ws.post(person.id, space.id, f"<@{town.ws.bot_user}>", files=[("shot.png", paper.screenshot())])
        [file] = set(town.world.files) - before
        town.shots[file] = paper.number


def _unshare(town: Town, step: Step) -> None:
    file = pick(shared(town), step.a)
    if file is not None:
        town.ws.unshare(file.id, file.shares[step.b % len(file.shares)].conversation)


def _delete_file(town: Town, step: Step) -> None:
    file = pick(shared(town), step.a)
    if file is not None:
        town.ws.delete_file(file.id)


def _delete_message(town: Town, step: Step) -> None:
    file = pick(shared(town), step.a)
    if file is not None:
        share = file.shares[step.b % len(file.shares)]
        town.ws.delete_message(share.conversation, share.ts)


def _join(town: Town, step: Step) -> None:
    person, space = pick(people(town), step.a), pick(channels(town), step.b)
    if person is None or space is None or person.id in space.members or (person.team != town.world.team):
        return
    town.ws.join(person.id, space.id)


def _leave(town: Town, step: Step) -> None:
    space = pick(channels(town), step.b)
    inside = [each for each in people(town) if space is not None and each.id in space.members]
    person = pick(inside, step.a)
    if person is not None and space is not None and len(inside) > 1:
        town.ws.leave(person.id, space.id)


def _guest(town: Town, step: Step) -> None:
    person = pick([each for each in people(town) if each.team == town.world.team], step.a)
    if person is not None:
        town.ws.set_guest(person.id, ("multi", "single", "")[step.b % 3])


def _connect(town: Town, step: Step) -> None:
    """Slack Connect begins or ends; when it begins, somebody from outside comes."""
    space = pick(channels(town), step.a)
    if space is None:
        return
    if space.shared:
        for id in [each for each in space.members if town.world.people[each].team != town.world.team]:
            town.ws.leave(id, space.id)
        town.ws.set_shared(space.id, False)
        return
    town.ws.set_shared(space.id)
    guest = town.ws.person(f"outsider-{len(town.world.people)}", stranger_team="T0THEM")
    town.ws.join(guest, space.id)


def _flag(town: Town, step: Step) -> None:
    """What no event tells: it is known when minutes have passed."""
    space = pick(channels(town), step.a)
    if space is not None:
        if step.b % 2:
            town.ws.set_pending(space.id, not space.pending)
        else:
            town.ws.set_org_shared(space.id, not space.org_shared)
        town.bot.access.invalidate_all()


def _make_private(town: Town, step: Step) -> None:
    space = pick([each for each in channels(town) if each.kind == "channel"], step.a)
    if space is not None and space.members:
        town.ws.make_private(space.id)


def _archive(town: Town, step: Step) -> None:
    space = pick(channels(town), step.a)
    if space is not None:
        (town.ws.unarchive if space.archived else town.ws.archive)(space.id)


def _bot_comes_or_goes(town: Town, step: Step) -> None:
    space = pick(channels(town), step.a)
    if space is not None:
        if town.ws.bot_user not in space.members:
            town.ws.invite_bot(space.id)
        elif len(space.members) > 1:
            town.ws.remove_bot(space.id)


def _deactivate(town: Town, step: Step) -> None:
    there = people(town)
    if len(there) > 3:
        town.ws.deactivate(there[step.a % len(there)].id)


def _newcomer(town: Town, step: Step) -> None:
    id = town.ws.hire(f"new-{len(town.world.people)}")
    town.ws.direct(id)


def _new_channel(town: Town, step: Step) -> None:
    members = [
        each.id for number, each in enumerate(people(town)) if (step.b >> number) & 1 and each.team == town.world.team
    ]
    if members:
        name = f"room-{len(town.world.conversations)}"
        if step.a % 4 == 3 and len(members) > 1:
            town.ws.group_direct(members)
        else:
            town.ws.channel(name, members, private=step.a % 2 == 1)


def _forget(town: Town, step: Step) -> None:
    file = pick(shared(town), step.a)
    if file is not None:
        with town.rag.read_transaction() as connection:
            known = connection.exec_driver_sql("SELECT 1 FROM source WHERE ref = ?", (file.id,)).first()
        if known is not None:
            town.rag.forget([file.id])
            town.forgotten.add(file.id)
            town.bot.sweep_all()


def _sweep(town: Town, step: Step) -> None:
    town.bot.sweep_all()


def _lose(town: Town, step: Step) -> None:
    """An event is lost, and the sweep comes before anybody asks."""
    town.ws.faults.lose_events(1)
    STEPS[("unshare", "delete file", "delete message")[step.c % 3]](town, step)
    town.ws.faults.clear()
    town.bot.sweep_all()


def _late(town: Town, step: Step) -> None:
    """Events overtake each other: that a file was shared is told after it was taken away."""
    file = pick(shared(town), step.a)
    if file is None:
        return
    share = file.shares[step.b % len(file.shares)]
    if town.ws.bot_user not in town.world.conversations[share.conversation].members:
        return
    town.ws.unshare(file.id, share.conversation)
    town.hear()
    event = {"type": "file_shared", "file_id": file.id, "user_id": share.user, "channel_id": share.conversation}
    town.ws.emit(event | {"event_ts": share.ts}, share.conversation)


def _fail(town: Town, step: Step) -> None:
    """Slack fails a look-up, which may narrow a reply and never widen it: where not everybody may open everything."""
    mixed = [each for each in channels(town) if not each.archived and len(_kinds(town, each)) > 1]
    space = pick(mixed, step.a)
    if space is None:
        return
    person = next(each for each in people(town) if each.id in space.members)
    methods = ("conversations.members", "users.list", "users.conversations")
    town.ws.faults.fail(methods[step.b % 3], 1 + step.b % 2, status=(429, 503)[step.c % 2], retry_after=0)
    town.bot.access.invalidate_all()
    words = f"which pass word and port has the {TOPICS[step.c % len(TOPICS)]} at night?"
    town.ws.post(person.id, space.id, f"<@{town.ws.bot_user}> {words}")
    town.work()
    town.ws.faults.clear()


def _kinds(town: Town, space: Conversation) -> set[bool]:
    """Whether its people are full members: both, of some channels."""
    inside = [each for each in people(town) if each.id in space.members]
    return {each.guest == "" and each.team == town.world.team for each in inside}


def _meanwhile(act: Callable[[Town, Step], None]) -> Callable[[Town, Step], None]:
    """While pages are looked for, somebody comes or goes, or a file does."""

    def taken(town: Town, step: Step) -> None:
        kinds = [
            *[presses.found_goes] * 2,
            _unshare,
            _delete_file,
            _join,
            _leave,
            _guest,
            _connect,
            _make_private,
        ]
        happens, other = kinds[step.c % len(kinds)], Step("", step.a // 7, step.b // 7, step.c // 7)
        town.rag.meanwhile = town.during(lambda: happens(town, other))
        act(town, step)
        town.work()
        town.rag.meanwhile = None

    return taken


def _stop(town: Town, step: Step) -> None:
    presses.stop(town, lambda: _ask(town, step), step.b // 7)


STEPS: dict[str, Callable[[Town, Step], None]] = {
    "share": _share,
    "share again": _reshare,
    "ask": _ask,
    "ask, and meanwhile": _ask_meanwhile,
    "screenshot": _screenshot,
    "unshare": _unshare,
    "delete file": _delete_file,
    "delete message": _delete_message,
    "join": _join,
    "leave": _leave,
    "guest": _guest,
    "connect": _connect,
    "flag": _flag,
    "make private": _make_private,
    "archive": _archive,
    "bot": _bot_comes_or_goes,
    "deactivate": _deactivate,
    "newcomer": _newcomer,
    "new channel": _new_channel,
    "forget": _forget,
    "sweep": _sweep,
    "lose": _lose,
    "late": _late,
    "fail": _fail,
    "torn": presses.torn,
    "follow up": presses.follow_up,
    "more": presses.press(buttons.MORE),
    "more, and meanwhile": _meanwhile(presses.press(buttons.MORE)),
    "file": presses.press(buttons.FILE),
    "verdict": presses.press(buttons.FEEDBACK),
    "stop": _stop,
    "similar": presses.similar,
    "similar, and meanwhile": _meanwhile(presses.similar),
    "index": presses.index,
    "command": presses.command,
    "command, and meanwhile": _meanwhile(presses.command),
    "command, and go": presses.command_and_go,
    "home": presses.home,
    "ask with, and unshare": presence.ask_with_and_unshare,
    "name goes": presence.name_goes,
    "share and delete": presence.share_and_delete,
    "change id": presence.change_id,
    "command, and go at last": presence.command_and_go_at_last,
    "pictures refused": presence.pictures_refused,
}
_WEIGHTS = {"share": 14, "ask": 26, "ask, and meanwhile": 18, "screenshot": 8, "join": 6, "leave": 5, "guest": 4}
_WEIGHTS |= {"share again": 5, "unshare": 3, "delete file": 3, "delete message": 3, "new channel": 4, "fail": 4}
_WEIGHTS |= {"late": 4, "torn": 5, "follow up": 8, "more": 5, "more, and meanwhile": 4, "file": 6, "verdict": 6}
_WEIGHTS |= {
    "similar": 4,
    "similar, and meanwhile": 3,
    "command": 8,
    "command, and meanwhile": 5,
    "command, and go": 5,
    "index": 5,
    "home": 4,
    "ask with, and unshare": 6,
    "name goes": 4,
    "share and delete": 5,
    "change id": 6,
    "command, and go at last": 4,
    "pictures refused": 3,
}
_LIGHT = 2


def begin(town: Town) -> None:
    """Five people and the usual conversations, so that steps have something to choose from."""
    ws = town.ws
    ada, ben, cleo = ws.person("ada"), ws.person("ben"), ws.person("cleo")
    gus = ws.person("gus", guest="multi")
    eve = ws.person("eve", stranger_team="T0THEM")
    ws.channel("everybody", [ada, ben, cleo])
    ws.channel("town", [ada, ben])
    ws.channel("guests", [ada, gus])
    ws.channel("secret", [ada, cleo], private=True)
    ws.channel("council", [ben, cleo], private=True)
    ws.channel("partners", [ada, eve], shared=True)
    for person in (ada, ben, cleo, gus):
        ws.direct(person)
    ws.group_direct([ada, ben])


def draw(chance: random.Random, count: int) -> list[Step]:
    kinds = list(STEPS)
    weights = [_WEIGHTS.get(kind, _LIGHT) for kind in kinds]
    few = [Step("share", chance.randrange(1000), chance.randrange(1000), 0) for _ in range(min(6, count))]
    rest = [
        Step(kind, chance.randrange(1000), chance.randrange(1000), chance.randrange(1000))
        for kind in chance.choices(kinds, weights, k=count - len(few))
    ]
    return few + rest


def take(town: Town, step: Step) -> None:
    STEPS[step.kind](town, step)
    town.work()
    town.shares_are_true()
