"""The workspace and the app that a token, or a data folder, belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from bot.slack.client import BotIdentity, SlackClient
from bot.slack.errors import Refused
from rag import OperatorMustAct

REMEDY = "Use the token of that app, or set MAGPIE_DATA to another folder for this one."


@dataclass(frozen=True, slots=True)
class Owner:
    """A workspace (`team`) and an app in it. An empty `app`: Slack did not say."""

    team: str
    app: str

    def is_same(self, other: Owner) -> bool:
        return self.team == other.team and (self.app == other.app or not self.app or not other.app)

    def mismatch(self, other: Owner) -> str:
        """Return how the owner of a folder differs from that of the token, as a sentence."""
        kind = "workspace" if self.team != other.team else "app"
        belongs, token = (self.team, other.team) if kind == "workspace" else (self.app, other.app)
        return f"The data folder belongs to the {kind} {belongs}, but SLACK_BOT_TOKEN belongs to the {kind} {token}."


def find_owner_of_token(client: SlackClient, identity: BotIdentity) -> Owner:
    """Return whose token this is. Raise TryAgain if Slack cannot be reached."""
    try:
        app = client.get_app(identity.bot_id) if identity.bot_id else ""
    except (Refused, OperatorMustAct):
        app = ""
    return Owner(identity.team_id, app)
