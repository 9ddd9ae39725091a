"""Steps of other tools that call Magpie with a token: of a person, also of one who left, or of one conversation."""

from __future__ import annotations

import base64
from time import time
from typing import Any

from bot.api.operations import BY_NAME
from bot.api.tokens import new_token
from bot.db import api_tokens
from bot.db.api_tokens import ApiToken
from rag import MagpieError
from tests.leaks.marked_documents import TOPICS, MarkedDocument
from tests.leaks.oracle import Rights, rights_of
from tests.leaks.selection import Step, channels, pick
from tests.leaks.simulation import Simulation
from tests.leaks.watched import Leak


def call(simulation: Simulation, step: Step) -> None:
    """Search with words or a picture, ask, list documents or read a page as a person.

    Raise Leak if somebody who is not of the workspace, or was deactivated, gets a response.
    """
    everybody = [each for each in simulation.state.people.values() if not each.is_bot]
    person = pick(everybody, step.a)
    if person is None:
        return
    token = _token(simulation, person.id)
    response = _response(simulation, token, step)
    if response is None:
        return
    if person.deleted or person.team != simulation.state.team:
        raise Leak("api: a response to a person who does not belong to the workspace", response)
    _check(simulation, response, rights_of(simulation.state, person))


def call_for_space(simulation: Simulation, step: Step) -> None:
    """Do the same with a token of one channel."""
    channel = pick(channels(simulation), step.a)
    if channel is not None:
        response = _response(simulation, _token(simulation, "", channel.id), step)
        _check(simulation, response, Rights(frozenset([channel.id])))


def _token(simulation: Simulation, user: str, *spaces: str) -> ApiToken:
    token, _ = new_token("a tool", time(), 1, user, spaces)
    with simulation.rag.write_transaction() as connection:
        api_tokens.put_token(connection, token)
    return token


def _response(simulation: Simulation, token: ApiToken, step: Step) -> Any:
    """Return what a call returns; None if it is refused."""
    words = f"which pass word and port has the {TOPICS[step.c % len(TOPICS)]} at night?"
    name, arguments = (
        ("ask", {"question": words}),
        ("search", {"query": words}),
        ("list_documents", {}),
        ("get_page", {"document": _document(simulation, step.b), "page": 1}),
        ("similar_to_image", {"image": _picture(simulation, step.c)}),
    )[step.b % 5]
    operation = BY_NAME[name]
    try:
        return simulation.bot.api.call(token, operation, operation.request(**arguments))
    except MagpieError:
        return None


def _document(simulation: Simulation, number: int) -> str:
    """Return the id of any document, which the caller may have been told."""
    with simulation.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql("SELECT sha256 FROM document ORDER BY id").scalars().all()
    return str(pick(rows, number // 4) or "0" * 64)[:16]


def _picture(simulation: Simulation, number: int) -> str:
    """Return a picture of any document, which the caller may or may not be able to open, as a PNG in base64."""
    document = pick(simulation.documents, number) or MarkedDocument(0)
    return base64.b64encode(document.screenshot()).decode()


def _check(simulation: Simulation, response: Any, allowed: Rights) -> None:
    if response is None:
        return
    picture = getattr(response, "picture", None)
    simulation.check_text(response.model_copy(update={"picture": None}).model_dump_json(), allowed, "api")
    if picture is not None:
        simulation.check_picture(base64.b64decode(picture.data), allowed, "api")


STEPS = {"token": call, "token of a channel": call_for_space}
WEIGHTS = {"token": 8, "token of a channel": 2, "token, and meanwhile": 6}
