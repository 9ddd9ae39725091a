"""The access log forgets the words of questions together with the documents that they may quote."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.db import access_log, questions, tables
from bot.slack.events import Forwarded, MessageLink, Question
from rag import AllowedDocument
from tests.support.databases import DATABASES, open_catalog


@pytest.mark.parametrize("database", DATABASES)
def test_words_of_forwarded_messages_are_deleted_with_the_question(database: str, tmp_path: Path) -> None:
    references = (Forwarded("C2", "1.0", "U2", "The gateway uses port 8443."), MessageLink("C1", "2.0"))
    asked = Question("C1", "3.1", "3.1", "U1", "is this true?", references=references)
    opened = open_catalog(database, tmp_path, tables.HISTORY)
    with opened as catalog, catalog.write_transaction() as connection:
        questions.put_question(connection, asked)
        connection.execute(tables.question.update().values(state="done"))
        access_log.log_access(connection, asked, [AllowedDocument(9, f"{9:064}", ("C1",))], "C1")
        assert access_log.scrub(connection) == 1
        kept = questions.find_question(connection, "C1", "3.1")
    assert kept is not None
    assert (kept.text, kept.references) == ("", ())
