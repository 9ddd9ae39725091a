"""What of a message is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.intake import IntakeRules

MISSED_FOR = 24 * 3600.0
"""Seconds for which a question is answered that was seen only after it was edited."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is recorded.

    - `links`: index linked web pages; `link_age`: seconds after which a page that is linked again is fetched again
    - `questions`: ask what messages ask
    - `receipts`: react to messages once their files are searchable
    - `waiting`: open questions that one person may have; 0: no limit
    - `intake`: limits on files
    - `apps`: answer other apps that mention Magpie
    - `listed`: messages were read from a conversation's history, which does not restore what a person removed
    - `since`: when Magpie began to listen, in seconds since 1970; other events of that time may have been lost
    """

    links: bool = False
    listed: bool = False
    questions: bool = True
    receipts: bool = True
    waiting: int = 0
    intake: IntakeRules = field(default_factory=IntakeRules)
    link_age: float = 24 * 3600.0
    apps: bool = False
    since: float = 0.0


EVERYTHING = Limits()
