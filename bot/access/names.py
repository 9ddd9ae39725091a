"""Names of people and channels, in both directions: what a person writes, and what a reply shows. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from bot.access.directory import Conversation, Person


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a question may use and a reply may show.

    `people`: {folded name: ids of everyone called that}; a first name alone is a name. `channels`: {folded name: id},
    of the conversations that the reply may use. `labels`: {id: name as shown}. `zone`: the asker's time zone.
    """

    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC

    def is_person(self, name: str) -> bool:
        return fold(name) in self.people

    def is_channel(self, name: str) -> bool:
        return fold(name) in self.channels or name in self.channels.values()

    def label(self, id: str) -> str:
        """Return the name of a person or channel as shown; empty if it is not known."""
        return self.labels.get(id, "")


def names_of(people: Iterable[Person], channels: Iterable[Conversation], zone: tzinfo = UTC) -> Names:
    """Return the names of these people and channels."""
    by_name: dict[str, set[str]] = {}
    labels: dict[str, str] = {}
    for person in people:
        for name in person.names:
            for known in {name, name.split()[0]}:
                by_name.setdefault(fold(known), set()).add(person.id)
        if person.names:
            labels[person.id] = person.names[0]
    named = [channel for channel in channels if channel.name]
    labels |= {channel.id: f"#{channel.name}" for channel in named}
    return Names(
        {name: frozenset(ids) for name, ids in by_name.items()},
        {fold(channel.name): channel.id for channel in named},
        labels,
        zone,
    )


def fold(name: str) -> str:
    """Return a name without the differences that people do not write: case, width, "@" and "#"."""
    return unicodedata.normalize("NFKC", name).strip().lstrip("@#").casefold()
