"""Answer calls of other tools: who calls, what they may see now, and whether the response may still leave.

What a caller may see is looked up before each call, and again before its response leaves.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from time import time
from typing import TYPE_CHECKING

from bot.access.policy import Access, Granted
from bot.answers.fair_lock import FairLock
from bot.api.call_limits import CallLimits
from bot.api.operations import Operation, Outcome, Turn
from bot.api.tokens import TokenRefused, find_valid_token
from bot.db import access_log, api_tokens, questions
from bot.db.api_tokens import ApiToken
from bot.slack.events import Question
from rag import NotFound, Rag, Scope, TryAgain, documents_allowed

if TYPE_CHECKING:
    from pydantic import BaseModel

log = logging.getLogger("magpie")

_MAX_COMPOSED = 3
"""How often a response is made if what it uses changes before it leaves."""

_AFTER_SLACK = 1 << 48
"""Added to the ids of calls, so that questions in Slack go first in each round."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Raises TryAgain when the bot stops."""

    stop: threading.Event

    def __call__(self) -> None:
        if self.stop.is_set():
            raise TryAgain("Magpie is stopping.", "Call again in a minute.")


class Api:
    """The operations for holders of tokens. Thread-safe."""

    def __init__(self, rag: Rag, access: Access, fair: FairLock, per_minute: int, stop: threading.Event) -> None:
        self._rag = rag
        self._access = access
        self._fair = fair
        self._check = Stopping(stop)
        self._limits = CallLimits(per_minute)
        self._numbers = itertools.count(_AFTER_SLACK)

    def authenticate(self, authorization: str) -> ApiToken:
        """Return the token of an Authorization header. Raise TokenRefused unless it is valid now."""
        kind, _, text = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise TokenRefused("A token is needed.", "Send the header: Authorization: Bearer TOKEN")
        return find_valid_token(self._rag.read_transaction, self._rag.write_transaction, text.strip(), time())

    def calling(self, token: ApiToken) -> AbstractContextManager[None]:
        """Count a request for the `with` block. Raise TooManyCalls if it is one too many."""
        return self._limits.calling(token.id)

    def call(self, token: ApiToken, operation: Operation, request: BaseModel) -> BaseModel:
        """Return the response to a call. Raise TokenRefused if the token's person left, and any MagpieError."""
        turn = Turn(partial(self._turn, token), self._check)
        for _ in range(_MAX_COMPOSED):
            granted = self._granted(token)
            outcome = operation.run(self._rag, request, granted.scope, turn)
            if self._may_leave(token, granted.scope, outcome):
                log.info("A call of %s was answered.", operation.id)
                return outcome.response
        raise TryAgain("What you may see, or what the answer comes from, changed meanwhile.", "Call again.")

    def _granted(self, token: ApiToken) -> Granted:
        if not token.user:
            return Granted(Scope.of(*token.spaces), f"the spaces of the token {token.id}")
        try:
            return self._access.granted_to(token.user)
        except NotFound as error:
            with self._rag.write_transaction() as connection:
                api_tokens.revoke_token(connection, token.id, time())
            raise TokenRefused(f"{error} The token was revoked.") from error

    def _may_leave(self, token: ApiToken, before: Scope, outcome: Outcome) -> bool:
        """Return whether everything that a response uses may be seen now; if so, log the access."""
        with self._rag.read_transaction() as connection:
            current = api_tokens.find_token(connection, token.id)
        if current is None or current.revoked_at is not None:
            raise TokenRefused("This token was revoked.", "Create another one with: magpie token create")
        granted = self._granted(current)
        if not (before.spaces or frozenset()) <= (granted.scope.spaces or frozenset()):
            return False
        documents = {page.document for page in outcome.used}
        with self._rag.write_transaction() as connection:
            found = documents_allowed(connection, documents, granted.scope)
            if {row.document for row in found} != documents:
                return False
            if not access_log.are_names_current(connection, outcome.used, granted.scope):
                return False
            caller = token.user or f"token {token.id}"
            asked = Question(access_log.API, f"{time():.6f}-{token.id}", "", caller, outcome.words)
            access_log.log_access(connection, asked, found, granted.why, [caller])
        return True

    @contextmanager
    def _turn(self, token: ApiToken) -> Iterator[None]:
        """Hold the lock around the model for the `with` block. A token's second call goes a round later, like a
        person's second question."""
        with self._rag.read_transaction() as connection:
            turn = questions.current_round(connection) + max(0, self._limits.running(token.id) - 1)
        with self._fair.acquire((turn, next(self._numbers), 0), self._check):
            yield
