"""Notice that a scope lost something since it was granted."""

from __future__ import annotations

from bot.access.policy import Access, Granted
from bot.slack.events import Question
from rag import Rag, share_revision, visible_names


class ScopeWatch:
    """The state of a scope when it was granted. Create it before anything is read within the scope."""

    def __init__(self, rag: Rag, access: Access, granted: Granted) -> None:
        self._rag = rag
        self._access = access
        self._scope = granted.scope
        self._access_changes = granted.changes
        with rag.read_transaction() as connection:
            self._revision = share_revision(connection)
            # A document keeps its number but loses a name when one of several shares is removed.
            self._names = visible_names(connection, self._scope)

    def is_unchanged(self, question: Question) -> bool:
        """Return whether the text of an unfinished reply may be shown.

        It is not known yet which documents it comes from, so the scope must be the same as before and no document may
        be missing from it. While no share changes, this reads one number.
        """
        changes = self._access.changes
        if self._access_changes != changes:
            if self._access.granted(question.channel, question.user).scope.spaces != self._scope.spaces:
                return False
            self._access_changes = changes
        with self._rag.read_transaction() as connection:
            revision = share_revision(connection)
            if self._revision != revision:
                if not self._names <= visible_names(connection, self._scope):
                    return False
                self._revision = revision
        return True
