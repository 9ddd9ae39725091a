"""Clients that lend the card to a generator: each for a time, so that one that died does not keep it."""

from __future__ import annotations

import threading

from rag.vectors.gpu_sharing import Offload


class Leases:
    """One loan for each client, ended by the client or by its time."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}

    def lend(self, client: str, seconds: float) -> None:
        """A client that has a loan already prolongs it."""
        timer = threading.Timer(seconds, self._expire, [client])
        timer.daemon = True
        with self._lock:
            before = self._timers.pop(client, None)
            self._timers[client] = timer
        timer.start()
        if before is None:
            self._offload.lend()
        else:
            before.cancel()

    def take_back(self, client: str) -> None:
        """Nothing happens for a client without a loan."""
        with self._lock:
            timer = self._timers.pop(client, None)
        if timer is not None:
            timer.cancel()
            self._offload.take_back()

    def _expire(self, client: str) -> None:
        with self._lock:
            timer = self._timers.get(client)
            if timer is not threading.current_thread():  # prolonged just now
                return
            del self._timers[client]
        self._offload.take_back()

    def close(self) -> None:
        for client in list(self._timers):
            self.take_back(client)
