"""Messages that no person typed in Slack: from workflows and other apps, from Slackbot, and through other apps."""

from __future__ import annotations

from bot.demo.slack_server import actions
from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.state import Message, OtherApp


class OtherApps:
    """Posting needs no membership. `thread_ts` replies in a thread. Each method returns the ts of the message."""

    def __init__(self, context: Context) -> None:
        self._context, self._state = context, context.state

    def add(self, name: str) -> OtherApp:
        """Install another app, or a workflow, which is one to other apps. It has a bot id, but no bot user."""
        with self._state.changed:
            app = OtherApp(self._state.next_id("B"), self._state.next_id("A"), name)
            self._state.other_apps[app.bot_id] = app
            return app

    def post(self, app: OtherApp, channel: str, text: str, *, thread_ts: str = "") -> str:
        """Post in the app's own name: subtype bot_message, with `bot_id`, `app_id` and `username`, without `user`."""
        return self._post(channel, text, thread_ts, subtype="bot_message", app=app)

    def post_for(self, app: OtherApp, user: str, channel: str, text: str, *, thread_ts: str = "") -> str:
        """Post what a person wrote through the app: `user` of the person, `bot_id` and `app_id` of the app."""
        return self._post(channel, text, thread_ts, user=self._state.person_id(user), app=app)

    def post_as_slackbot(self, channel: str, text: str, *, thread_ts: str = "") -> str:
        """Post as USLACKBOT, whose messages carry no `bot_id`."""
        return self._post(channel, text, thread_ts, user=self._state.slackbot().id)

    def _post(
        self,
        channel: str,
        text: str,
        thread_ts: str,
        *,
        user: str = "",
        subtype: str = "",
        app: OtherApp | None = None,
    ) -> str:
        state = self._state
        with state.changed:
            ts = state.next_ts()
            message = Message(ts, channel, user, text, thread_ts=thread_ts, subtype=subtype, other_app=app)
            actions.publish(self._context, message)
            return ts
