"""Events that a test holds back and delivers itself: in any order, repeated, or never."""

from __future__ import annotations

from bot.demo.slack_server.delivery import Delivery, Envelope
from bot.demo.slack_server.state import State


class HeldEvents:
    def __init__(self, state: State, delivery: Delivery, envelopes: list[Envelope]) -> None:
        self._state, self._delivery, self._envelopes = state, delivery, envelopes

    @property
    def pending(self) -> list[Envelope]:
        """Return the events that still wait, in the order in which Slack would send them."""
        with self._state.changed:
            return [each for each in self._envelopes if self._delivery.is_held(each)]

    def named(self, kind: str) -> list[Envelope]:
        """Return the pending events of one type, such as "app_mention"."""
        return [each for each in self.pending if each.event == kind]

    def deliver(
        self, *envelopes: Envelope, new_event_id: bool = False, together: bool = False, timeout: float = 10
    ) -> None:
        """Deliver events in this order, each after the one before was acknowledged or given up; all at once `together`.

        An event can be delivered again: in a new envelope, with the same event id unless `new_event_id`.
        """
        for envelope in envelopes:
            with self._state.changed:
                sent = self._delivery.deliver_held(envelope, self._state.unique_id("Ev") if new_event_id else "")
                if not together:
                    self._wait_for_acknowledgement(sent, timeout)

    def _wait_for_acknowledgement(self, envelope: Envelope, timeout: float) -> None:
        if not self._state.changed.wait_for(lambda: envelope.acked or envelope.given_up, timeout):
            raise TimeoutError(f"waited {timeout} s for the acknowledgement of {envelope.event}")

    def deliver_rest(self) -> None:
        """Deliver the pending events in Slack's order."""
        self.deliver(*self.pending)

    def drop(self, *envelopes: Envelope) -> None:
        """Never deliver these events."""
        self._delivery.drop_held(envelopes)
