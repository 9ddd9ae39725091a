"""What may happen in a workspace: steps of a kind and three numbers, so that any of them can be left out of a list.

The numbers choose among what is there when the step is taken; a step with nothing to choose from does nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from bot.surfaces import buttons, listeners
from bot.workspace.state import Person, SlackFile, Space
from tests.leaks import presses
from tests.leaks.papers import MOST, TOPICS, TORN, Paper, name_of
from tests.leaks.town import Town

T = TypeVar("T")
NO_PAPER = -1


class Step(NamedTuple):
    kind: str
    a: int
    b: int
    c: int

    def __str__(self) -> str:
        return f"{self.kind} {self.a} {self.b} {self.c}"


def _pick(some: Sequence[T], number: int) -> T | None:
    return some[number % len(some)] if some else None


def _people(town: Town) -> list[Person]:
    return [each for each in town.world.people.values() if not each.is_bot and not each.deleted]


def _spaces(town: Town) -> list[Space]:
    return list(town.world.spaces.values())


def _channels(town: Town) -> list[Space]:
    return [each for each in _spaces(town) if each.kind in ("channel", "group")]


def _open(town: Town, number: int, person: Person | None) -> Space | None:
    """A conversation that this person may write in."""
    if person is None:
        return None
    mine = [each for each in _spaces(town) if person.id in each.members and not each.archived]
    return _pick(mine, number)


def _shared(town: Town) -> list[SlackFile]:
    return [file for id, file in town.world.files.items() if id in town.shares and not file.deleted and file.shares]


def _share(town: Town, step: Step) -> None:
    """A new paper, or one that is elsewhere already, under a name of its own."""
    person = _pick(_people(town), step.a)
    space = _open(town, step.b, person)
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
    person, file = _pick(_people(town), step.a), _pick(_shared(town), step.b)
    space = _open(town, step.c, person)
    if person is not None and file is not None and space is not None:
        town.ws.share(person.id, file.id, space.id)
        town.forgotten.discard(file.id)


def _ask(town: Town, step: Step) -> None:
    person = _pick(_people(town), step.a)
    space = _open(town, step.b, person)
    if space is None or person is None:
        return
    topic = TOPICS[step.c % len(TOPICS)]
    words = f"which pass word and port has the {topic} at night?"
    threads = [each.ts for each in space.messages if not each.thread_ts and not each.subtype.startswith("channel")]
    thread = threads[step.c % len(threads)] if threads and step.c % 4 == 0 else ""
    town.ws.post(person.id, space.id, f"<@{town.ws.bot_user}> {words}", thread_ts=thread)


def _ask_meanwhile(town: Town, step: Step) -> None:
    """While the model thinks, somebody comes or goes, or a file does."""
    kinds = ["unshare", "delete file", "join", "leave", "guest", "connect", "make private"]
    other = Step(kinds[step.c % len(kinds)], step.a // 7, step.b // 7, step.c // 7)
    town.generator.meanwhile = town.during(lambda: STEPS[other.kind](town, other))
    _ask(town, step)


def _screenshot(town: Town, step: Step) -> None:
    """Somebody has a picture of a page, whether they may open it or not."""
    person, paper = _pick(_people(town), step.a), _pick(town.papers, step.c)
    space = _open(town, step.b, person)
    if person is not None and paper is not None and space is not None:
        town.ws.post(person.id, space.id, f"<@{town.ws.bot_user}>", files=[("shot.png", paper.screenshot())])


def _unshare(town: Town, step: Step) -> None:
    file = _pick(_shared(town), step.a)
    if file is not None:
        town.ws.unshare(file.id, file.shares[step.b % len(file.shares)].space)


def _delete_file(town: Town, step: Step) -> None:
    file = _pick(_shared(town), step.a)
    if file is not None:
        town.ws.delete_file(file.id)


def _delete_message(town: Town, step: Step) -> None:
    file = _pick(_shared(town), step.a)
    if file is not None:
        share = file.shares[step.b % len(file.shares)]
        town.ws.delete_message(share.space, share.ts)


def _join(town: Town, step: Step) -> None:
    person, space = _pick(_people(town), step.a), _pick(_channels(town), step.b)
    if person is None or space is None or person.id in space.members or (person.team != town.world.team):
        return
    town.ws.join(person.id, space.id)


def _leave(town: Town, step: Step) -> None:
    space = _pick(_channels(town), step.b)
    inside = [each for each in _people(town) if space is not None and each.id in space.members]
    person = _pick(inside, step.a)
    if person is not None and space is not None and len(inside) > 1:
        town.ws.leave(person.id, space.id)


def _guest(town: Town, step: Step) -> None:
    person = _pick([each for each in _people(town) if each.team == town.world.team], step.a)
    if person is not None:
        town.ws.set_guest(person.id, ("multi", "single", "")[step.b % 3])


def _connect(town: Town, step: Step) -> None:
    """Slack Connect begins or ends; when it begins, somebody from outside comes."""
    space = _pick(_channels(town), step.a)
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
    space = _pick(_channels(town), step.a)
    if space is not None:
        if step.b % 2:
            town.ws.set_pending(space.id, not space.pending)
        else:
            town.ws.set_org_shared(space.id, not space.org_shared)
        town.bot.access.distrust()


def _make_private(town: Town, step: Step) -> None:
    space = _pick([each for each in _channels(town) if each.kind == "channel"], step.a)
    if space is not None and space.members:
        town.ws.make_private(space.id)


def _archive(town: Town, step: Step) -> None:
    space = _pick(_channels(town), step.a)
    if space is not None:
        (town.ws.unarchive if space.archived else town.ws.archive)(space.id)


def _bot_comes_or_goes(town: Town, step: Step) -> None:
    space = _pick(_channels(town), step.a)
    if space is not None:
        if town.ws.bot_user not in space.members:
            town.ws.invite_bot(space.id)
        elif len(space.members) > 1:
            town.ws.remove_bot(space.id)


def _deactivate(town: Town, step: Step) -> None:
    people = _people(town)
    if len(people) > 3:
        town.ws.deactivate(people[step.a % len(people)].id)


def _newcomer(town: Town, step: Step) -> None:
    id = town.ws.hire(f"new-{len(town.world.people)}")
    town.ws.direct(id)


def _new_channel(town: Town, step: Step) -> None:
    people = _people(town)
    members = [each.id for number, each in enumerate(people) if (step.b >> number) & 1 and each.team == town.world.team]
    if members:
        name = f"room-{len(town.world.spaces)}"
        if step.a % 4 == 3 and len(members) > 1:
            town.ws.group_direct(members)
        else:
            town.ws.channel(name, members, private=step.a % 2 == 1)


def _forget(town: Town, step: Step) -> None:
    file = _pick(_shared(town), step.a)
    if file is not None:
        with town.rag.reading() as connection:
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
    file = _pick(_shared(town), step.a)
    if file is None:
        return
    share = file.shares[step.b % len(file.shares)]
    if town.ws.bot_user not in town.world.spaces[share.space].members:
        return
    town.ws.unshare(file.id, share.space)
    town.hear()
    event = {"type": "file_shared", "file_id": file.id, "user_id": share.user, "channel_id": share.space}
    town.ws.emit(event | {"event_ts": share.ts}, share.space)


def _fail(town: Town, step: Step) -> None:
    """Slack fails a look-up, which may narrow a reply and never widen it: where not everybody may open everything."""
    mixed = [each for each in _channels(town) if not each.archived and len(_kinds(town, each)) > 1]
    space = _pick(mixed, step.a)
    if space is None:
        return
    person = next(each for each in _people(town) if each.id in space.members)
    methods = ("conversations.members", "users.list", "users.conversations")
    town.ws.faults.fail(methods[step.b % 3], 1 + step.b % 2, status=(429, 503)[step.c % 2], retry_after=0)
    town.bot.access.distrust()
    words = f"which pass word and port has the {TOPICS[step.c % len(TOPICS)]} at night?"
    town.ws.post(person.id, space.id, f"<@{town.ws.bot_user}> {words}")
    town.work()
    town.ws.faults.clear()


def _kinds(town: Town, space: Space) -> set[bool]:
    """Whether its people are full members: both, of some channels."""
    people = [each for each in _people(town) if each.id in space.members]
    return {each.guest == "" and each.team == town.world.team for each in people}


def _torn(town: Town, step: Step) -> None:
    """A file that cannot be read: it has nothing but a name."""
    person = _pick(_people(town), step.a)
    space = _open(town, step.b, person)
    if space is not None and person is not None:
        name, before = len(town.shares), set(town.world.files)
        town.ws.post(person.id, space.id, files=[(name_of(name), TORN)])
        [file] = set(town.world.files) - before
        town.shares[file] = (NO_PAPER, name)


def _follow_up(town: Town, step: Step) -> None:
    """Somebody goes on in a thread that Magpie answered in, without a mention."""
    threads = {
        (space.id, message.thread_ts)
        for space in _spaces(town)
        for message in space.messages
        if message.user == town.ws.bot_user and message.thread_ts and not space.archived
    }
    chosen = _pick(sorted(threads, key=lambda one: one[1])[-8:], step.a)
    if chosen is None:
        return
    members = [each for each in _people(town) if each.id in town.world.spaces[chosen[0]].members]
    person = _pick(members, step.b)
    if person is not None:
        words = f"and which one has the {TOPICS[step.c % len(TOPICS)]}?"
        town.ws.post(person.id, chosen[0], words, thread_ts=chosen[1])


def _press(kind: str) -> Callable[[Town, Step], None]:
    return lambda town, step: presses.press(town, kind, step.a, step.b)


def _found_goes(town: Town, step: Step) -> None:
    """A file that was found this moment is deleted wherever it lies."""
    document = _pick(town.rag.found[:3], step.a)
    if document is not None:
        with town.rag.reading() as connection:
            rows = connection.exec_driver_sql("SELECT ref FROM source WHERE document_id = ?", (document,)).all()
        for (file,) in rows:
            if file in town.world.files and not town.world.files[file].deleted:
                town.ws.delete_file(file)


def _meanwhile(act: Callable[[Town, Step], None]) -> Callable[[Town, Step], None]:
    """While pages are looked for, somebody comes or goes, or a file does."""

    def taken(town: Town, step: Step) -> None:
        kinds = [_found_goes, _found_goes, _unshare, _delete_file, _join, _leave, _guest, _connect, _make_private]
        happens, other = kinds[step.c % len(kinds)], Step("", step.a // 7, step.b // 7, step.c // 7)
        town.rag.meanwhile = town.during(lambda: happens(town, other))
        act(town, step)
        town.work()
        town.rag.meanwhile = None

    return taken


def _stop(town: Town, step: Step) -> None:
    presses.stop(town, lambda: _ask(town, step), step.b // 7)


def _similar(town: Town, step: Step) -> None:
    presses.shortcut(town, listeners.FIND_SIMILAR, step.a, step.b, with_files=step.c % 3 == 0)


def _index(town: Town, step: Step) -> None:
    """And sometimes the file goes before anybody looks at it."""
    message = presses.shortcut(town, listeners.INDEX_FILES, step.a, step.b, with_files=True)
    if message is not None and step.c % 2:
        town.hear()
        file = town.world.files[message.files[0]]
        if any(share.space == message.channel for share in file.shares):
            town.ws.unshare(file.id, message.channel)


def _command(town: Town, step: Step) -> None:
    presses.command(town, step.a, step.b, step.c)


def _home(town: Town, step: Step) -> None:
    presses.home(town, step.a)


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
    "torn": _torn,
    "follow up": _follow_up,
    "more": _press(buttons.MORE),
    "more, and meanwhile": _meanwhile(_press(buttons.MORE)),
    "file": _press(buttons.FILE),
    "verdict": _press(buttons.FEEDBACK),
    "stop": _stop,
    "similar": _similar,
    "similar, and meanwhile": _meanwhile(_similar),
    "index": _index,
    "command": _command,
    "command, and meanwhile": _meanwhile(_command),
    "home": _home,
}
_WEIGHTS = {"share": 14, "ask": 26, "ask, and meanwhile": 14, "screenshot": 8, "join": 6, "leave": 5, "guest": 4}
_WEIGHTS |= {"share again": 5, "unshare": 3, "delete file": 3, "delete message": 3, "new channel": 4, "fail": 4}
_WEIGHTS |= {"late": 4, "torn": 5, "follow up": 8, "more": 5, "more, and meanwhile": 4, "file": 6, "verdict": 6}
_WEIGHTS |= {"similar": 4, "similar, and meanwhile": 3, "command": 8, "command, and meanwhile": 5, "home": 4}
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
