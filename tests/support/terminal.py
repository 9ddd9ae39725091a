"""Run a command in a pseudo-terminal and answer its questions."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Terminal:
    """A terminal in which a command runs. Everything that it shows is in `shown`."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._answered = 0
        self.shown = ""

    def answer(self, question: str, typed: str) -> None:
        """Wait until a question is asked, and type an answer."""
        self._read_until(question)
        self._read_until(": ")  # written after what is typed is hidden; what was typed before that is dropped
        os.write(self._master, f"{typed}\n".encode())

    def finish(self) -> str:
        """Return everything that was shown until the command ended."""
        self._read_until(None)
        return self.shown

    def _read_until(self, text: str | None) -> None:
        while text is None or text not in self.shown[self._answered :]:
            assert select.select([self._master], [], [], 60)[0], f"{text!r} was not asked:\n{self.shown}"
            try:
                read = os.read(self._master, 65536)
            except OSError:  # on Linux, when the command has closed the terminal
                read = b""
            if not read:
                assert text is None, f"{text!r} was not asked:\n{self.shown}"
                return
            self.shown += read.decode()
        self._answered = self.shown.index(text, self._answered) + len(text)


@contextmanager
def open_terminal(command: Sequence[str], *, code: int = 0, **environment: str) -> Iterator[Terminal]:
    """Run a command in a terminal, without the settings of this machine. It has to exit with `code`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAGPIE_", "SLACK_"))}
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=plain | {"COLUMNS": "100", "NO_COLOR": "1"} | environment,
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master)
    try:
        yield terminal
        assert process.wait(60) == code, terminal.shown
    finally:
        process.kill()
        process.wait(10)
        os.close(master)
