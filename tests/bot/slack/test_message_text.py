"""Text of messages as people see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.message_text import mentioned_channels, mentioned_people, mentions, resolve, without_mention
from tests.bot.slack.raw_events import ME


def test_text_has_no_mention_and_resolved_entities() -> None:
    assert without_mention(f"<@{ME}|magpie>  a &lt;b&gt; &amp;amp; <https://x.y|here> <#C1|ops>", ME) == (
        "a <b> &amp; here #ops"
    )
    assert mentions({"text": f"hey <@{ME}>"}, ME)
    assert not mentions({"text": "hey <@U0BOTTOM>"}, ME)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U7|ada> knows", "@ada knows"),
        ("<!subteam^S1|@ops> knows", "@ops knows"),
        ("<!subteam^S1|ops> knows", "@ops knows"),
        ("<!subteam^S1> knows", "knows"),
        ("<!here> <!here|here> <!channel> <!everyone>", "@here @here @channel @everyone"),
        ("since <!date^1392734382^{date_short}|Feb 18>", "since Feb 18"),
        ("since <!date^1392734382^{date_short}^https://x.example|Feb 18, 2014>", "since Feb 18, 2014"),
        ("<!unknown> <!unknown|something>", "something"),
        ("<mailto:a@b.example|a@b.example> <mailto:a@b.example>", "a@b.example a@b.example"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.slack.com/files/U1/F1/my%20report.pdf>", "my report.pdf"),
        ("<https://x.slack.com/files/U1/F1/report.pdf|the report>", "the report"),
        ("<https://x.slack.com/archives/C1/p1700000010000100>", "https://x.slack.com/archives/C1/p1700000010000100"),
        (":tada: :+1::skin-tone-3: 👍", ":tada: :+1::skin-tone-3: 👍"),
        ("a < b <@> <", "a < b <@> <"),
    ],
)
def test_text_reads_as_people_see_it(text: str, shown: str) -> None:
    assert without_mention(text, ME) == shown


def test_mention_without_a_name_is_replaced_by_the_name_or_removed() -> None:
    text = without_mention(f"<@{ME}> ask <@U7> and <@U8> in <#C1> or <#C2|>, or <@U9|cleo>", ME)
    assert mentioned_people(text) == {"U7", "U8"}
    assert mentioned_channels(text) == {"C1", "C2"}
    assert "<" not in text
    assert resolve(text, {"U7": "Ada", "C1": "ops"}) == "ask @Ada and in #ops or , or @cleo"
    assert resolve(text, {"U7": "@Ada", "U8": "Ben", "C1": "#ops", "C2": "all"}) == (
        "ask @Ada and @Ben in #ops or #all, or @cleo"
    )
    assert resolve("typed @U7 and #C1", {"U7": "Ada", "C1": "ops"}) == "typed @U7 and #C1"


def test_typed_text_that_looks_like_a_mention_stays() -> None:
    assert without_mention("&lt;@U7&gt;", ME) == "<@U7>"
    assert not mentions({"text": f"&lt;@{ME}&gt;"}, ME)


PIECES = st.sampled_from(["<@U7>", "<@U7|ada>", f"<@{ME}>", "<#C1>", "<#C1|>", "<!here>", "<!subteam^S1>", "<!x|y>"])


@given(st.lists(PIECES | st.text(alphabet="`\n @#!|^U7&;", max_size=8)))
def test_resolved_text_has_no_raw_mention(pieces: list[str]) -> None:
    shown = resolve(without_mention("".join(pieces), ME), {})
    assert not set("<>\u2060") & set(shown)
