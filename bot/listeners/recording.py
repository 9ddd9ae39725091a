"""Record what a payload asks for, once however often Slack sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection

from bot.db import deliveries
from rag import Rag

Body: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Recording:
    """Records the requests in the payloads of one app. `wake` is called after every commit."""

    rag: Rag
    wake: Callable[[], None]

    def once(self, body: Body, act: Callable[[Connection], object]) -> None:
        """Act in one transaction, unless this payload was handled before: Slack repeats a payload that was not
        acknowledged in time."""
        with self.rag.write_transaction() as connection:
            if not deliveries.put_delivery(connection, f"trigger {body.get('trigger_id')}"[:64]):
                return
            act(connection)
        self.wake()
