"""Keep the bot running: with a new token once Slack took back the old one, and delete everything if none comes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import time
from typing import Any

from bot.environment import SECRETS
from bot.environment import variable as slack_variable
from bot.main import only_one, open_bot
from bot.settings import SlackSettings, read_slack_settings
from bot.slack.client import SlackClient
from bot.slack.errors import TokenRevoked
from bot.slack.transport import RetryPolicy
from bot.slack.uninstalled import Uninstalled, uninstalled_since, unmark_uninstalled
from rag import BadSetting, MagpieError, Settings, erase_index

log = logging.getLogger("magpie")

_DAY = 24 * 3600.0
_FORWARD = 0.2


def serve(
    settings: Settings,
    slack: SlackSettings,
    stop: threading.Event,
    started: Callable[[int | None], None] = lambda _: None,
    pause: float = 15.0,
    clock: Callable[[], float] = time,
    **opened: Any,
) -> None:
    """Run the bot until `stop` is set. While the app is uninstalled, wait for a token that works.

    `pause`: seconds between two attempts; `clock`: the time that decides when everything is deleted. Raise Uninstalled
    once everything was deleted because no token came, and what `open_bot` and `Bot.run` raise.
    """
    while not stop.is_set():
        try:
            with _inner(stop) as inner, open_bot(settings, slack, stop=inner, **opened) as bot:
                bot.run(started)
        except (Uninstalled, TokenRevoked) as error:
            if uninstalled_since(settings.data) is None:
                raise
            log.warning("%s %s", error, error.hint)
            slack = _wait_for_token(settings, slack, stop, pause, clock)


@contextmanager
def _inner(stop: threading.Event) -> Iterator[threading.Event]:
    """Yield an event for one run of the bot, which is also set when `stop` is."""
    inner = threading.Event()

    def forward() -> None:
        while not inner.is_set():
            if stop.wait(_FORWARD):
                inner.set()

    thread = threading.Thread(target=forward, name="stop")
    thread.start()
    try:
        yield inner
    finally:
        inner.set()
        thread.join()


def _wait_for_token(
    settings: Settings, slack: SlackSettings, stop: threading.Event, pause: float, clock: Callable[[], float]
) -> SlackSettings:
    """Return settings with a token that Slack accepts, those in magpie.toml first. Delete everything when it is time.

    Return the old settings once `stop` is set.
    """
    while not stop.is_set():
        slack = _with_tokens_of_file(settings, slack)
        if _is_accepted(slack):
            unmark_uninstalled(settings.data)
            log.warning("Slack accepts the token. The bot starts again, and nothing is deleted.")
            return slack
        since = uninstalled_since(settings.data)
        if since is not None and clock() >= since + slack.purge_days * _DAY:
            _erase(settings, slack)
        stop.wait(pause)
    return slack


def _with_tokens_of_file(settings: Settings, slack: SlackSettings) -> SlackSettings:
    """Return the settings with the tokens that magpie.toml has now; those of the environment are not valid any more."""
    try:
        in_file = read_slack_settings(settings.data)
    except BadSetting as error:
        log.warning("%s %s", error, error.hint)
        return slack
    names = [name for name in type(slack).model_fields if slack_variable(name) in SECRETS]
    return slack.model_copy(
        update={name: getattr(in_file, name) for name in names if getattr(in_file, name).get_secret_value()}
    )


def _is_accepted(slack: SlackSettings) -> bool:
    try:
        SlackClient(slack, RetryPolicy.IMPATIENT).identify()
    except MagpieError as error:
        log.info("No token that works yet: %s", error)
        return False
    return True


def _erase(settings: Settings, slack: SlackSettings) -> None:
    """Delete everything that was indexed, and raise Uninstalled."""
    with only_one(settings):
        erase_index(settings.data)
        unmark_uninstalled(settings.data)
    days = "1 day" if slack.purge_days == 1 else f"{slack.purge_days} days"
    raise Uninstalled(
        f"The app was uninstalled from Slack {days} ago, so everything that it had stored was deleted.",
        "To start anew, install the app again and run magpie setup.",
    )
