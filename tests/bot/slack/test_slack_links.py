"""Links to web pages, and to files and messages in Slack."""

from __future__ import annotations

import pytest

from bot.slack.events import FileLink, MessageLink
from bot.slack.slack_links import references, web_links, without_message_links


@pytest.mark.parametrize(
    ("address", "reference"),
    [
        ("https://x.slack.com/files/U1/F0AB12/inv-b.pdf", FileLink("F0AB12", "inv-b.pdf")),
        ("https://x.enterprise.slack.com/files/U1/F0AB12/a%20b.pdf", FileLink("F0AB12", "a b.pdf")),
        ("https://x.slack.com/files/U1/F0AB12", FileLink("F0AB12")),
        ("https://x.slack.com/files/U1/F0AB12/", FileLink("F0AB12")),
        ("https://x.slack.com/docs/T1/F0AB12", FileLink("F0AB12")),
        ("https://x.slack.com/docs/T1/F0AB12?focus=1", FileLink("F0AB12")),
        ("https://x.slack.com/lists/T1/F0AB12", FileLink("F0AB12")),
        ("https://files.slack.com/files-pri/T1-F0AB12/inv.pdf", FileLink("F0AB12", "inv.pdf")),
        ("https://files.slack.com/files-pri/T1-F0AB12/download/inv.pdf", FileLink("F0AB12", "inv.pdf")),
        ("https://files.slack.com/files-tmb/T1-F0AB12-0a1b/inv_360.png", FileLink("F0AB12", "inv_360.png")),
        ("https://x.slack-gov.com/files/U1/F0AB12/inv.pdf", FileLink("F0AB12", "inv.pdf")),
        ("https://x.slack.com/archives/C1/p1700000010000100", MessageLink("C1", "1700000010.000100")),
        (
            "https://x.slack.com/archives/C1/p1700000010000100?thread_ts=1700000000.000100&cid=C1",
            MessageLink("C1", "1700000010.000100", "1700000000.000100"),
        ),
        (
            "https://x.slack.com/archives/C1/p1700000010000100?thread_ts=now",
            MessageLink("C1", "1700000010.000100"),
        ),
    ],
)
def test_address_of_a_file_or_message_in_slack_is_a_reference(address: str, reference: FileLink | MessageLink) -> None:
    assert references([address, address]) == (reference,)
    assert web_links([address]) == ()


@pytest.mark.parametrize(
    "address",
    [
        "https://x.slack.com/archives/C1",
        "https://x.slack.com/team/U1",
        "https://app.slack.com/client/T1/C1",
        "https://slack.com/help",
        "https://x.slack.com/archives/C1/p17",
        "https://x.slack.com/files/U1/inv.pdf",
        "https://x.slack.com/files/U1/F0AB12/a/b",
        "https://slack.com:[/files/U1/F0AB12",
    ],
)
def test_other_addresses_of_slack_are_ignored(address: str) -> None:
    assert references([address]) == ()
    assert web_links([address]) == ()


@pytest.mark.parametrize(
    "address",
    [
        "https://slack.com.example/files/U1/F0AB12/inv.pdf",
        "https://notslack.com/files/U1/F0AB12/inv.pdf",
        "https://example.org/archives/C1/p1700000010000100",
        "https://example.org/x.slack.com/files/U1/F0AB12/inv.pdf",
    ],
)
def test_address_of_another_host_is_a_web_page(address: str) -> None:
    assert references([address]) == ()
    assert web_links([address]) == (address,)


def test_links_to_messages_are_left_out_of_what_is_searched_for() -> None:
    link = "https://x.slack.com/archives/C1/p1700000010000100"
    assert without_message_links(f"what is due in {link}?thread_ts=1700000000.000100&cid=C1 today") == (
        "what is due in today"
    )
    other = "see https://example.org/archives/C1/p1700000010000100 and https://x.slack.com/archives/C1"
    assert without_message_links(other) == other
