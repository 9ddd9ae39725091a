"""Steps that change where a file is shared: unshare a question's document, delete a message, change an ID, leave."""

from __future__ import annotations

from bot.demo.slack_server.state import SlackFile
from bot.listeners import interactions
from tests.leaks.interaction_steps import remove_asker
from tests.leaks.marked_documents import MAX_DOCUMENTS, TOPICS, MarkedDocument, name_of
from tests.leaks.selection import Step, channels, people, pick, shared_files, spaces, writable_conversation
from tests.leaks.simulation import Simulation
from tests.leaks.watched import Leak


def ask_with_and_unshare(simulation: Simulation, step: Step) -> None:
    """Ask with a document from another conversation, and unshare it before or during the answer."""
    person, file = pick(people(simulation), step.a), pick(shared_files(simulation), step.b)
    space = writable_conversation(simulation, step.c, person)
    if person is None or file is None or space is None or space.id in {each.conversation for each in file.shares}:
        return
    here = space.id

    def unshare() -> None:
        if any(each.conversation == here for each in file.shares):
            simulation.ws.unshare(file.id, here)

    if step.c % 2:
        simulation.generator.hook = simulation.interrupting(unshare)
    simulation.ws.share(person.id, file.id, here, _question(simulation, step.c))
    simulation.deliver_events()
    if not step.c % 2:
        unshare()


def share_with_attachments(simulation: Simulation, step: Step) -> None:
    """Share a new document with another one inside of it: a new one, or one that is known, perhaps with its own inside.

    The known one may be shared elsewhere, and both may be shared again by other steps.
    """
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if person is None or space is None or len(simulation.documents) + 2 > MAX_DOCUMENTS:
        return
    known = pick(simulation.documents, step.c // 3) if step.c % 3 else None
    if known is None:
        known = MarkedDocument(len(simulation.documents))
        simulation.documents.append(known)
    document = MarkedDocument(len(simulation.documents), (known,))
    simulation.documents.append(document)
    name, before = len(simulation.shares), set(simulation.state.files)
    simulation.ws.post(person.id, space.id, files=[(name_of(name), document.content)])
    [file] = set(simulation.state.files) - before
    simulation.shares[file] = (document.number, name)


def share_attachment(simulation: Simulation, step: Step) -> None:
    """Share the bytes of an attached document by themselves in another conversation, and end the share of a file with
    it, by taking it out of its message or by deleting it."""
    files = [file for file in shared_files(simulation) if len(simulation.numbers_in(simulation.shares[file.id][0])) > 1]
    file, person = pick(files, step.a), pick(people(simulation), step.b)
    space = writable_conversation(simulation, step.c, person)
    if file is None or person is None or space is None:
        return
    document = simulation.documents[simulation.shares[file.id][0]].inside[0]
    name, before = len(simulation.shares), set(simulation.state.files)
    simulation.ws.post(person.id, space.id, files=[(name_of(name), document.content)])
    [new] = set(simulation.state.files) - before
    simulation.shares[new] = (document.number, name)
    if step.b % 2:
        simulation.run_until_idle()
        simulation.check_shares()
    if step.c % 2:
        simulation.ws.unshare(file.id, file.shares[0].conversation)
    else:
        simulation.ws.delete_file(file.id)


def unshare_name(simulation: Simulation, step: Step) -> None:
    """Upload a shared document under another name, and unshare that name while the model writes."""
    readable = range(len(simulation.documents))
    file = pick([each for each in shared_files(simulation) if simulation.shares[each.id][0] in readable], step.a)
    space = None if file is None else simulation.state.conversations[file.shares[0].conversation]
    if file is None or space is None or space.archived:
        return
    person = pick([each for each in people(simulation) if each.id in space.members], step.b)
    if person is None:
        return
    document = simulation.documents[simulation.shares[file.id][0]]
    name, before = len(simulation.shares), set(simulation.state.files)
    simulation.ws.post(person.id, space.id, files=[(name_of(name), document.content)])
    [new] = set(simulation.state.files) - before
    simulation.shares[new] = (document.number, name)
    simulation.run_until_idle()
    simulation.generator.hook = simulation.interrupting(lambda: simulation.ws.unshare(new, space.id))
    simulation.ws.post(person.id, space.id, _question(simulation, document.number + 1))


def share_and_delete(simulation: Simulation, step: Step) -> None:
    """Share a file again where it is already shared, with or without a question, and delete that message."""
    space = pick([each for each in spaces(simulation) if not each.archived], step.a)
    if space is None:
        return
    members = [each for each in people(simulation) if each.id in space.members]
    files = [each for each in shared_files(simulation) if any(share.conversation == space.id for share in each.shares)]
    person, file = pick(members, step.b), pick(files, step.c)
    if person is None or file is None or not _is_known(simulation, file, space.id):
        return
    ts = simulation.ws.share(person.id, file.id, space.id, _question(simulation, step.c) if step.c % 2 else "")
    if step.b % 2:
        simulation.run_until_idle()
    if not file.deleted:
        simulation.ws.delete_message(space.id, ts)


def change_id(simulation: Simulation, step: Step) -> None:
    """Change the ID of a conversation, sometimes right after a file in it was forgotten, and list all files."""
    known = {
        share.conversation
        for file in shared_files(simulation)
        for share in file.shares
        if _is_known(simulation, file, share.conversation)
    }
    space = pick([each for each in channels(simulation) if step.c % 4 == 0 or each.id in known], step.a)
    if space is None:
        return
    files = [each for each in shared_files(simulation) if any(share.conversation == space.id for share in each.shares)]
    file = pick(files, step.b)
    if step.c % 3 and file is not None and _is_known(simulation, file, space.id):
        simulation.forget(file.id)
    simulation.change_id(space.id)
    if step.c % 2 == 0:  # the sweep comes first
        simulation.bot.maintenance.step()
    simulation.bot.sweep_all()


def command_and_leave_before_delivery(simulation: Simulation, step: Step) -> None:
    """Search with the command, and leave the channel right before the result is posted, without an event."""
    person = pick(people(simulation), step.a)
    joined = [each for each in channels(simulation) if person is not None and person.id in each.members]
    space = pick(joined, step.b)
    if person is None or space is None:
        return
    simulation.last_command = (person.id, space.id)

    def leave() -> None:
        simulation.check_output()
        remove_asker(simulation, step)

    simulation.ws.faults.meanwhile("chat.postEphemeral", leave)
    words = f"find pass word port {TOPICS[step.c % len(TOPICS)]}"
    simulation.ws.command(person.id, space.id, interactions.COMMAND, words)
    simulation.run_until_idle()
    simulation.ws.faults.clear()


def refuse_pictures(simulation: Simulation, step: Step) -> None:
    """Slack accepts the upload of an answer's pictures, but does not share them."""
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if person is None or space is None:
        return
    simulation.ws.faults.fail("files.completeUploadExternal", 3, error="restricted_action")
    simulation.ws.post(person.id, space.id, _question(simulation, step.c))
    simulation.run_until_idle()
    simulation.ws.faults.clear()
    with simulation.rag.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE job SET next_try = 0 WHERE kind = 'uploads'")
    simulation.run_until_idle()
    uploaded = {id for id, each in simulation.state.uploads.items() if each.data}
    deleted = {str(arguments["file"]) for arguments in simulation.ws.called("files.delete")}
    if uploaded - deleted:
        raise Leak("a picture that was never shared is still stored in Slack")


def _question(simulation: Simulation, number: int) -> str:
    return f"<@{simulation.ws.bot_user}> which pass word and port has the {TOPICS[number % len(TOPICS)]} at night?"


def _is_known(simulation: Simulation, file: SlackFile, space: str) -> bool:
    with simulation.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT 1 FROM source s JOIN share h ON h.source_id = s.id "
            "WHERE s.ref = ? AND h.space = ? AND h.state IN ('shared', 'checking')",
            (file.id, space),
        )
        return rows.first() is not None
