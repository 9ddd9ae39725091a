"""The loops that do the work: questions, receipts, errands. Each works off states; a wake-up only spares it a wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, time

from bot.access import access_log
from bot.answers import queue
from bot.answers.fair_lock import FairLock
from bot.answers.queue import Asked
from bot.answers.respond import Answering
from bot.db import tables
from bot.db import uploads as uploading
from bot.db.tables import Errand, Receipt
from bot.jobs.sweep import Sweep
from bot.slack import messages
from bot.slack.blocks import escape
from bot.slack.client import Refused, SlackClient, Stopping, Superseded
from bot.slack.files import KIND, LINK
from bot.slack.uploads import Uploads
from rag import MagpieError, OperatorMustAct, Rag, Standing, TryAgain, shared_in, standings

log = logging.getLogger("magpie")

READ, UNREADABLE = "white_check_mark", "warning"
"""Receipts: the file can be found; the file could not be read."""

_LOOK = 0.5
"""Seconds between two looks at the states when nothing wakes a loop."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_DAY = 24 * 3600.0
_DELIVERIES = 2 * _DAY
_TOO_LATE = _DAY
"""Seconds after which nobody waits for an answer any more."""


_PLACES_EVERY = 5.0
"""Seconds between two updates of one question's place in the line."""

_AT_ONCE = 20
"""Pictures taken out of Slack between two looks at which they are."""


class Bell:
    """Wakes every loop that waits for it, once each."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def wait(self, heard: int, seconds: float) -> int:
        """Wait for a ring after the one numbered `heard`; returns the number of the last."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != heard, seconds)
            return self._rung


def loop(step: Callable[[], bool], bell: Bell, stop: threading.Event) -> None:
    """Take steps while there are any; else wait for the bell, or a moment."""
    heard = 0
    while not stop.is_set():
        if not step():
            heard = bell.wait(heard, _LOOK)


class Questions:
    """The two kinds of steps a question takes: it is greeted and lined up, then taken as far as it goes."""

    def __init__(self, rag: Rag, answering: Answering, fair: FairLock, wake: Callable[[], None]) -> None:
        self._fair = fair
        self._rag = rag
        self._answering = answering
        self._wake = wake
        self._places: dict[int, tuple[int, float]] = {}

    def greet(self) -> bool:
        """Greet one question, or let one go; else say to one in the line how far it is."""
        with self._rag.writing() as connection:
            asked = queue.claim_greeting(connection)
            before = queue.before(connection, asked) if asked is not None else 0
        if asked is None:
            return self._tell_place()
        with self._minding(asked, asked.attempts):
            if asked.halt:
                self._answering.let_go(asked)
                self._let_go(asked)
            else:
                self._answering.greet(asked, before)
                self._places[asked.id] = (before, monotonic())
                self._line_up(asked)
        return True

    def answer(self) -> bool:
        """Answer one question of the line."""
        with self._rag.writing() as connection:
            asked = self._fair.claim(connection)
        if asked is None:
            return False
        with self._minding(asked, asked.attempts - 1):
            if asked.attempts > queue.ATTEMPTS:
                self._apologise(asked)
            else:
                self._answering.answer(asked)
                self._end(asked, "done")
        return True

    @contextmanager
    def _minding(self, asked: Asked, attempts: int) -> Iterator[None]:
        """What a failure of work on a question comes to. `attempts`: of it, where this one does not count."""
        try:
            yield
        except Superseded:
            log.info("A question was changed, stopped, deleted or forgotten while it was worked on.")
            self._leave_nothing(asked)
        except Stopping:
            self._delay(asked, attempts)
        except OperatorMustAct as error:
            log.error("A question cannot be answered: %s %s", error, error.hint)
            self._apologise(asked)
        except TryAgain as error:
            log.warning("A question waits: %s %s", error, error.hint)
            if time() - asked.asked > _TOO_LATE:
                self._end(asked, "failed")
            self._delay(asked, attempts)
        except Refused as error:
            log.warning("A question in %s cannot be answered: %s", asked.question.channel, error)
            self._end(asked, "failed")
        except Exception:  # the one error path: said in the log, tried again, and in the end said in the thread
            log.exception("A question failed.")
            self._delay(asked, attempts + 1)

    def _tell_place(self) -> bool:
        with self._rag.reading() as connection:
            lined = queue.lined(connection)
        self._places = {id: self._places.get(id, (-1, 0.0)) for id, _ in lined}
        for id, before in lined:
            told, at = self._places[id]
            if told == before or monotonic() - at < _PLACES_EVERY:
                continue
            with self._rag.writing() as connection:
                asked = queue.claim_place(connection, id)
            if asked is None:
                continue
            self._places[id] = (before, monotonic())
            with self._minding(asked, asked.attempts):
                self._answering.place(asked, before)
                self._line_up(asked)
            return True
        return False

    def _line_up(self, asked: Asked) -> None:
        with self._rag.writing() as connection:
            queue.line_up(connection, asked)
        self._wake()

    def _apologise(self, asked: Asked) -> None:
        """No question ends in silence; where not even that can be said, it is tried again later."""
        try:
            self._answering.apologise(asked)
        except (TryAgain, OperatorMustAct) as error:
            log.warning("Nor can that be said: %s", error)
            self._delay(asked, asked.attempts)
        except Refused as error:
            log.warning("Nor may that be said: %s", error)
            self._end(asked, "failed")
        else:
            self._end(asked, "failed")

    def _let_go(self, asked: Asked) -> None:
        """A question whose message is there still is kept as one that was heard: the sweep would ask it again."""
        with self._rag.writing() as connection:
            if asked.halt == queue.DELETED:
                queue.drop_question(connection, asked)
            else:
                queue.end_question(connection, asked, "done")

    def _leave_nothing(self, asked: Asked) -> None:
        """Where a question is gone without a trace, so is the message that was to become its answer."""
        with self._rag.reading() as connection:
            if queue.find_question(connection, asked.question.channel, asked.question.ts) is not None:
                return
        try:
            self._answering.let_go(replace(asked, halt=queue.DELETED))
        except MagpieError as error:
            log.warning("The message of a forgotten question stays: %s", error)

    def _end(self, asked: Asked, state: str) -> None:
        with self._rag.writing() as connection:
            queue.end_question(connection, asked, state)

    def _delay(self, asked: Asked, attempts: int) -> None:
        with self._rag.writing() as connection:
            queue.delay_question(connection, asked, _FIRST_WAIT, attempts=attempts)


class Chores:
    """Receipts for files that are settled, then one errand."""

    def __init__(
        self, client: SlackClient, rag: Rag, sweep: Sweep, uploads: Uploads, *, withdraw: bool, keep_days: int
    ) -> None:
        """`withdraw`: pictures in Slack go with the document they are of. `keep_days`: of questions and the log."""
        self._client = client
        self._rag = rag
        self._sweep = sweep
        self._uploads = uploads
        self._withdraws = withdraw
        self._keep = keep_days * _DAY

    def step(self) -> bool:
        acknowledged = self._receipts()
        return self._errand() or acknowledged

    def tidy(self) -> None:
        with self._rag.writing() as connection:
            tables.forget_deliveries(connection, _DELIVERIES)
            access_log.expire(connection, time() - self._keep)
        self._rag.leave_no_trace()

    # ------------------------------------------------------------ receipts

    def _receipts(self) -> bool:
        """A reaction on every message whose files are all settled; the same one for known and for new bytes."""
        with self._rag.reading() as connection:
            receipts = tables.open_receipts(connection)
            found: dict[tuple[str, str], Standing] = {}
            for channel in {receipt.channel for receipt in receipts}:
                here = [receipt.file for receipt in receipts if receipt.channel == channel]
                found |= {(channel, one.ref): one for one in standings(connection, KIND, here, channel)}
        unread = {place for place, standing in found.items() if standing.state not in ("ready", "failed")}
        waiting = {(receipt.channel, receipt.ts) for receipt in receipts if (receipt.channel, receipt.file) in unread}
        done = False
        for receipt in receipts:
            if (receipt.channel, receipt.ts) not in waiting:
                done = self._acknowledge(receipt, found.get((receipt.channel, receipt.file))) or done
        return done

    def _acknowledge(self, receipt: Receipt, standing: Standing | None) -> bool:
        """False when Slack is out of reach: the receipt stays open."""
        try:
            if standing is not None:
                self._tell(receipt, standing)
        except (TryAgain, OperatorMustAct) as error:
            log.info("A receipt waits: %s", error)
            return False
        except Refused as error:
            log.info("No receipt: %s", error)
        with self._rag.writing() as connection:
            tables.end_receipt(connection, receipt.id)
        return True

    def _tell(self, receipt: Receipt, standing: Standing) -> None:
        failed = standing.state == "failed"
        self._client.add_reaction(receipt.channel, receipt.ts, UNREADABLE if failed else READ)
        if failed:
            self._client.post_ephemeral(receipt.channel, receipt.user, escape(messages.unreadable_file(standing)))

    # ------------------------------------------------------------ errands

    def _errand(self) -> bool:
        with self._rag.reading() as connection:
            errand = tables.due_errand(connection)
        if errand is None:
            return False
        try:
            self._run(errand)
        except (TryAgain, OperatorMustAct) as error:
            log.info("An errand waits: %s", error)
            return self._put_off(errand)
        except Refused as error:
            log.info("The errand %s %s is in vain: %s", errand.kind, errand.ref, error)
        except Exception:  # said in the log and tried again; the next sweep sends the same errand anyway
            log.exception("The errand %s %s failed.", errand.kind, errand.ref)
            if errand.attempts < queue.ATTEMPTS:
                return self._put_off(errand)
        with self._rag.writing() as connection:
            tables.end_errand(connection, errand)
        return True

    def _put_off(self, errand: Errand) -> bool:
        with self._rag.writing() as connection:
            tables.delay_errand(connection, errand.id, min(_FIRST_WAIT * 2**errand.attempts, _LONGEST_WAIT))
        return True

    def _run(self, errand: Errand) -> None:
        match errand.kind:
            case "channel":
                self._sweep.channel(errand.ref)
            case "file":
                self._sweep.file(errand.ref)
            case "uploads":
                self._withdraw_abandoned()
            case "gone":
                self._trace()
            case "all":
                self._sweep.plan()
                self._trace()

    def _withdraw_abandoned(self) -> None:
        """Delete pictures at Slack that were uploaded and will not be shared, after a crash too.

        Raise TryAgain while others are on their way: they are looked at again.
        """
        with self._rag.reading() as connection:
            abandoned, coming = uploading.abandoned_uploads(connection)
        for file in abandoned:
            try:
                self._uploads.withdraw(file)
            except Refused as error:
                log.warning("An uploaded picture cannot be deleted: %s", error)
            with self._rag.writing() as connection:
                access_log.drop_evidence(connection, [file])
                uploading.drop_uploads(connection, [file])
        if coming:
            raise TryAgain(f"{coming} pictures are on their way to Slack.")

    # ------------------------------------------------------------ what is gone

    def _trace(self) -> None:
        """Take out of the bot's own tables, and if set so out of Slack, what shows something of a document that
        nobody shares any more."""
        with self._rag.writing() as connection:
            for id in access_log.unshowable(connection):
                queue.unthink(connection, id)
            access_log.scrub(connection)
            for channel in tables.channels_with_links(connection):
                tables.drop_links(connection, channel, shared_in(connection, LINK, channel))
        while self._withdraws:
            with self._rag.reading() as connection:
                stale = access_log.stale_evidence(connection, _AT_ONCE)
            for file in stale:
                self._uploads.withdraw(file)
                with self._rag.writing() as connection:
                    access_log.drop_evidence(connection, [file])
            if not stale:
                break
        self._rag.leave_no_trace()
