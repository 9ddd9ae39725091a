"""Steps with buttons below answers that are pressed with any value, as a person could who makes their own client."""

from __future__ import annotations

from collections.abc import Callable

from bot.demo.slack_server.state import Conversation, Message
from bot.slack.buttons import DEEPER, FEEDBACK_BLOCK, FILE, TOPIC, WITH
from tests.leaks.selection import Step, people, pick, spaces
from tests.leaks.simulation import Simulation


def _answer(simulation: Simulation, number: int) -> tuple[Conversation, Message] | None:
    """Return one of the newest answers."""
    found = [
        (space, message)
        for space in spaces(simulation)
        for message in space.messages
        if message.user == simulation.ws.bot_user
        and any(block.get("block_id") == FEEDBACK_BLOCK for block in message.blocks)
    ]
    return pick(sorted(found, key=lambda each: each[1].ts)[-8:], number)


def _press(simulation: Simulation, space: Conversation, message: Message, number: int, action: str, value: str) -> None:
    """Press a button that the answer does not have, as one of the members."""
    person = pick([each for each in people(simulation) if each.id in space.members], number)
    if person is None:
        return
    text = {"type": "plain_text", "text": "A button"}
    forged = {"type": "button", "action_id": action, "value": value, "text": text}
    others = [block for block in message.blocks if block.get("block_id") != "forged"]
    message.blocks = [*others, {"type": "actions", "block_id": "forged", "elements": [forged]}]
    simulation.ws.click(person.id, space.id, message.ts, action, value)


def press_topic_of_any_file(simulation: Simulation, step: Step) -> None:
    """Press a button for a heading whose number is that of any chunk of any document."""
    chosen = _answer(simulation, step.a)
    with simulation.rag.read_transaction() as connection:
        chunks = connection.exec_driver_sql("SELECT id FROM chunk WHERE heading != '' ORDER BY id").all()
    number = pick(chunks, step.b)
    if chosen is not None and number is not None:
        _press(simulation, *chosen, step.c, f"{TOPIC}:{number[0]}", str(number[0]))


def answer_again_after(change: Callable[[Simulation, Step], None]) -> Callable[[Simulation, Step], None]:
    """Return a step that has a question answered from any one file, changes something, and has that answered again from
    more pages."""

    def step_with_change(simulation: Simulation, step: Step) -> None:
        chosen = _answer(simulation, step.a)
        with simulation.rag.read_transaction() as connection:
            documents = connection.exec_driver_sql("SELECT id FROM document ORDER BY id").all()
        document = pick(documents, step.b)
        if chosen is None or document is None:
            return
        space, message = chosen
        before = {each.ts for each in space.messages}
        _press(simulation, space, message, step.c, f"{FILE}:{document[0]}", str(document[0]))
        simulation.run_until_idle()
        own = [each for each in space.messages if each.user == simulation.ws.bot_user and each.ts not in before]
        narrowed = next((each for each in own if any(b.get("block_id") == FEEDBACK_BLOCK for b in each.blocks)), None)
        change(simulation, step)
        simulation.run_until_idle()
        if narrowed is not None and narrowed in space.messages:
            _press(simulation, space, narrowed, step.a, WITH, DEEPER)

    return step_with_change
