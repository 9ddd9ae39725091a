"""Questions that say who shared a file, where, when or of what type, and questions for a list of files."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.answers.file_list import LISTED
from bot.demo.slack_server import Workspace
from bot.main import Bot
from tests.flows.team import answers, magpie, mention, pdf, receipts, reply, said, settings, wait_for_ephemeral
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("module", manifest=MANIFEST)
READ = "white_check_mark"


@pytest.fixture(scope="module")
def bot(ws: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder: Path = tmp_path_factory.mktemp("limits")
    with magpie(ws, folder, rag=settings(folder)) as bot:
        yield bot


@pytest.fixture(scope="module")
def people(ws: Workspace) -> dict[str, str]:
    return {
        "ada": ws.person("ada", real_name="Ada Lovelace", tz="Europe/Berlin"),
        "ben": ws.person("ben", real_name="Ben Bitdiddle", tz="Europe/Berlin"),
    }


@pytest.fixture(scope="module")
def channels(ws: Workspace, bot: Bot, people: dict[str, str]) -> dict[str, str]:
    """#ops and #harbor, in which Ada and Ben each shared a file about the gateway."""
    made = {name: ws.channel(name, list(people.values())) for name in ("ops", "harbor")}
    made["secret"] = ws.channel("secret", [people["ada"]], private=True)
    shared = [
        ("ada", "ops", "ada.pdf", "The gateway uses port 1111.", "Ports of the gateway, final"),
        ("ben", "ops", "ben.pdf", "The gateway uses port 2222.", "my draft"),
        ("ben", "harbor", "harbor.pdf", "The gateway of the harbor uses port 3333.", "for the harbor"),
        ("ada", "secret", "secret.pdf", "The gateway of the vault uses port 4444.", "nobody else knows zanzibar"),
    ]
    for person, channel, name, words, text in shared:
        ts = ws.post(people[person], made[channel], text, files=[(name, pdf(words))])
        receipts(ws, made[channel], ts, READ)
    return made


def answer(ws: Workspace, people: dict[str, str], channel: str, text: str) -> str:
    return said(reply(ws, channel, ws.post(people["ben"], channel, mention(ws, text))))


@pytest.mark.parametrize(
    ("text", "port", "understood"),
    [
        ("which port does the gateway use? from:ada", "1111", "posted by ada"),
        ("from:me in:ops which port does the gateway use?", "2222", "posted by you, in #ops"),
        ("in:here which port does the gateway use?", "3333", "Understood as: here"),
    ],
)
def test_limits_choose_the_file_and_are_shown(
    ws: Workspace, people: dict[str, str], channels: dict[str, str], text: str, port: str, understood: str
) -> None:
    said = answer(ws, people, channels["harbor"], text)
    assert port in said
    assert understood.casefold() in said.casefold()


def test_list_of_files_says_who_posted_them_where_and_with_which_words(
    ws: Workspace, people: dict[str, str], channels: dict[str, str]
) -> None:
    said = answer(ws, people, channels["ops"], "what was shared here today?")
    assert "ada.pdf" in said
    assert "ben.pdf" in said
    assert "posted by ada in #ops on " in said
    assert "“Ports of the gateway, final”" in said
    assert "harbor.pdf" not in said


def test_list_never_names_files_of_other_conversations(
    ws: Workspace, people: dict[str, str], channels: dict[str, str]
) -> None:
    said = answer(ws, people, channels["ops"], "what did Ada post today?")
    assert "ada.pdf" in said
    for hidden in ("secret", "zanzibar", "vault"):
        assert hidden not in said.casefold()


def test_empty_list_is_said(ws: Workspace, people: dict[str, str], channels: dict[str, str]) -> None:
    said = answer(ws, people, channels["ops"], "which screenshots did Ada post last year?")
    assert said.startswith("Understood as: posted by Ada, ")
    assert said.endswith("\nNo file that I can search here fits this.")


def test_list_about_a_topic_has_only_the_files_about_it(
    ws: Workspace, people: dict[str, str], channels: dict[str, str]
) -> None:
    said = answer(ws, people, channels["ops"], "what did Ben post about the harbor?")
    assert "harbor.pdf" in said
    assert "ben.pdf" not in said
    assert "No file" in answer(ws, people, channels["ops"], "what did Ben post about zeppelins?")


def test_long_list_goes_on_by_its_button(ws: Workspace, people: dict[str, str], bot: Bot) -> None:
    """All files have the same bytes, so one document has many names."""
    channel = ws.channel("many", list(people.values()))
    names = [f"log{number:02}.txt" for number in range(LISTED + 2)]
    ts = ws.post(people["ada"], channel, "the logs", files=[(name, b"The crane moved.") for name in names])
    receipts(ws, channel, ts, READ)
    asked = ws.post(people["ben"], channel, mention(ws, "Which files are here?"))
    first = reply(ws, channel, asked)
    assert said(first).startswith("Understood as: here\nFiles:\n• <")
    assert sum(name in said(first) for name in names) == LISTED
    assert "There are more files." in said(first)
    ws.click(people["ben"], channel, first.ts, "more", "more")
    _, second = answers(ws, channel, asked, 2)
    assert "More files:" in said(second)
    assert {name for name in names if name in said(second)} == {name for name in names if name not in said(first)}
    assert "There are more" not in said(second)
    assert not [block for block in second.blocks if block["type"] == "actions"]


def test_remarks_are_lines(ws: Workspace, people: dict[str, str], channels: dict[str, str]) -> None:
    said = answer(ws, people, channels["ops"], "from:ada type:banana which port does the gateway use?")
    assert "Understood as: posted by ada\nI don't know the file type “banana”." in said


@pytest.mark.parametrize(
    ("words", "found", "hidden"),
    [
        ("from:ada which port does the gateway use?", "Understood as: posted by ada\nBest pages:", "ben.pdf"),
        ("from:me in:ops", "Understood as: posted by you, in #ops\nFiles:\n• ", "ada.pdf"),
        ("draft by somebody", ", posted by ben in #ops on ", "ada.pdf"),
    ],
)
def test_command_finds_within_limits_and_says_what_found_a_page(
    ws: Workspace, people: dict[str, str], channels: dict[str, str], words: str, found: str, hidden: str
) -> None:
    ws.command(people["ben"], channels["ops"], "/magpie", f"find {words}")
    shown = said(wait_for_ephemeral(ws, people["ben"], found))
    assert hidden not in shown


def test_picture_is_found_by_the_words_beside_it(
    ws: Workspace, people: dict[str, str], channels: dict[str, str]
) -> None:
    image = Image.new("RGB", (200, 120), "navy")
    buffer = BytesIO()
    image.save(buffer, "PNG")
    words = "Budget for the lighthouse rebuild, final version"
    ts = ws.post(people["ada"], channels["harbor"], words, files=[("IMG_1234.png", buffer.getvalue())])
    receipts(ws, channels["harbor"], ts, READ)
    said = answer(ws, people, channels["harbor"], "where is the final budget for the lighthouse rebuild?")
    assert "IMG_1234.png" in said
    assert "posted by ada in #harbor on " in said
    assert f"“{words}”" in said
    elsewhere = answer(ws, people, channels["ops"], "from:ben where is the final budget for the lighthouse rebuild?")
    assert "IMG_1234.png" not in elsewhere
    ws.edit(channels["harbor"], ts, "a picture")
    ws.settled()
    assert "lighthouse" not in answer(ws, people, channels["harbor"], "where is the budget for the rebuild?")
