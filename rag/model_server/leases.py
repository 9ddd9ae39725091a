"""Leases of the GPU by clients whose generator needs its memory. Each one expires, so a dead client cannot keep it."""

from __future__ import annotations

import threading

from rag.vectors.gpu_sharing import Offload


class Leases:
    """At most one lease per client. It ends when the client releases it, or when its time is over."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}

    def acquire(self, client: str, seconds: float) -> None:
        """Lease the GPU to a client, or extend the lease that it has."""
        timer = threading.Timer(seconds, self._expire, [client])
        timer.daemon = True
        with self._lock:
            before = self._timers.pop(client, None)
            self._timers[client] = timer
        timer.start()
        if before is None:
            self._offload.acquire()
        else:
            before.cancel()

    def release(self, client: str) -> None:
        """End a client's lease. Do nothing when it has none."""
        with self._lock:
            timer = self._timers.pop(client, None)
        if timer is not None:
            timer.cancel()
            self._offload.release()

    def close(self) -> None:
        """End all leases."""
        for client in list(self._timers):
            self.release(client)

    def _expire(self, client: str) -> None:
        with self._lock:
            timer = self._timers.get(client)
            if timer is not threading.current_thread():  # extended a moment ago
                return
            del self._timers[client]
        self._offload.release()
