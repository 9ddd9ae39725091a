"""Steps around what is shared where: a question's document goes, a stranger deletes, an id changes, an asker leaves."""

from __future__ import annotations

from bot.demo.slack_server.state import SlackFile
from bot.listeners import interactions
from tests.leaks.choosing import Step, channels, open_to, people, pick, shared, spaces
from tests.leaks.papers import TOPICS, name_of
from tests.leaks.presses import asker_goes
from tests.leaks.town import Leak, Town


def ask_with_and_unshare(town: Town, step: Step) -> None:
    """Somebody asks with a document from elsewhere, and takes it back before or while it is answered."""
    person, file = pick(people(town), step.a), pick(shared(town), step.b)
    space = open_to(town, step.c, person)
    if person is None or file is None or space is None or space.id in {each.conversation for each in file.shares}:
        return
    town.forgotten.discard(file.id)
    here = space.id

    def goes() -> None:
        if any(each.conversation == here for each in file.shares):
            town.ws.unshare(file.id, here)

    if step.c % 2:
        town.generator.meanwhile = town.during(goes)
    town.ws.share(person.id, file.id, here, _question(town, step.c))
    town.hear()
    if not step.c % 2:
        goes()


def name_goes(town: Town, step: Step) -> None:
    """A paper is uploaded again under another name, which goes while the model writes; the paper stays."""
    file = pick([each for each in shared(town) if town.shares[each.id][0] in range(len(town.papers))], step.a)
    space = None if file is None else town.world.conversations[file.shares[0].conversation]
    if file is None or space is None or space.archived:
        return
    person = pick([each for each in people(town) if each.id in space.members], step.b)
    if person is None:
        return
    paper, name, before = town.papers[town.shares[file.id][0]], len(town.shares), set(town.world.files)
    town.ws.post(person.id, space.id, files=[(name_of(name), paper.content)])
    [new] = set(town.world.files) - before
    town.shares[new] = (paper.number, name)
    town.work()
    town.generator.meanwhile = town.during(lambda: town.ws.unshare(new, space.id))
    town.ws.post(person.id, space.id, _question(town, paper.number + 1))


def share_and_delete(town: Town, step: Step) -> None:
    """Somebody shares a file again where it is shared already, or asks with it, and deletes that message."""
    space = pick([each for each in spaces(town) if not each.archived], step.a)
    if space is None:
        return
    inside = [each for each in people(town) if each.id in space.members]
    there = [each for each in shared(town) if any(share.conversation == space.id for share in each.shares)]
    person, file = pick(inside, step.b), pick(there, step.c)
    if person is None or file is None or not _known(town, file, space.id):
        return
    ts = town.ws.share(person.id, file.id, space.id, _question(town, step.c) if step.c % 2 else "")
    if step.b % 2:
        town.work()
    if file.deleted or file.id in town.forgotten:
        return
    town.ws.delete_message(space.id, ts)
    town.work()
    here = town.ws.bot_user in space.members and any(share.conversation == space.id for share in file.shares)
    if here and not _known(town, file, space.id):
        raise Leak("a message that was deleted took out a file that others share")


def change_id(town: Town, step: Step) -> None:
    """A conversation gets another id, sometimes right after a file in it was forgotten; then all files are listed."""
    known = {
        share.conversation for file in shared(town) for share in file.shares if _known(town, file, share.conversation)
    }
    space = pick([each for each in channels(town) if step.c % 4 == 0 or each.id in known], step.a)
    if space is None:
        return
    there = [each for each in shared(town) if any(share.conversation == space.id for share in each.shares)]
    file = pick(there, step.b)
    if step.c % 3 and file is not None and _known(town, file, space.id):
        town.rag.forget([file.id])
        town.forgotten.add(file.id)
    town.ws.change_id(space.id)
    if step.c % 2 == 0:  # the sweep comes first
        town.bot.maintenance.step()
    town.bot.sweep_all()


def command_and_go_at_last(town: Town, step: Step) -> None:
    """Who looks for pages leaves right before they are told, and no event says so in time."""
    person = pick(people(town), step.a)
    mine = [each for each in channels(town) if person is not None and person.id in each.members]
    space = pick(mine, step.b)
    if person is None or space is None:
        return
    town.asked = (person.id, space.id)

    def goes() -> None:
        town.look()
        asker_goes(town, step)

    town.ws.faults.meanwhile("chat.postEphemeral", goes)
    words = f"find pass word port {TOPICS[step.c % len(TOPICS)]}"
    town.ws.command(person.id, space.id, interactions.COMMAND, words)
    town.work()
    town.ws.faults.clear()


def pictures_refused(town: Town, step: Step) -> None:
    """Slack takes an answer's pictures and then does not share them."""
    person = pick(people(town), step.a)
    space = open_to(town, step.b, person)
    if person is None or space is None:
        return
    town.ws.faults.fail("files.completeUploadExternal", 3, error="restricted_action")
    town.ws.post(person.id, space.id, _question(town, step.c))
    town.work()
    town.ws.faults.clear()
    with town.rag.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE job SET next_try = 0 WHERE kind = 'uploads'")
    town.work()
    left = {id for id, each in town.world.uploads.items() if each.data} - {
        str(told["file"]) for told in town.ws.called("files.delete")
    }
    if left:
        raise Leak("a picture that was never shared stays at Slack")


def _question(town: Town, number: int) -> str:
    return f"<@{town.ws.bot_user}> which pass word and port has the {TOPICS[number % len(TOPICS)]} at night?"


def _known(town: Town, file: SlackFile, space: str) -> bool:
    with town.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT 1 FROM source s JOIN share h ON h.source_id = s.id WHERE s.ref = ? AND h.space = ?",
            (file.id, space),
        )
        return rows.first() is not None
