"""Text of canvases, posts, e-mails and clips."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text_files import has_text, read_html, read_vtt, text_in, text_of, text_url
from tests.bot.slack.raw_events import raw_file

URL = "https://files.slack.com/files-pri/T1-F1/download/file"
CANVAS = raw_file(name="Harbor", mode="quip", filetype="quip", url_private_download=URL)
POST = raw_file(name="Harbor", mode="space", filetype="space", url_private_download=URL)
EMAIL = raw_file(name="Crane", mode="email", filetype="email", mimetype="text/html", subject="Crane") | {
    "from": [{"address": "ada@example.org", "name": "Ada", "original": "Ada <ada@example.org>"}],
    "to": [{"address": "ops@example.org"}],
    "headers": {"date": "Fri, 3 May 2024 10:00:00 +0000"},
}
CLIP = raw_file(name="talk.mp4", subtype="slack_audio", mimetype="video/mp4", vtt=URL)


def clip(status: str = "complete", **preview: Any) -> dict[str, Any]:
    return CLIP | {"transcription": {"status": status, "preview": preview}}


def test_canvas_is_read_from_its_page() -> None:
    page = (
        b"<html><head><title>x</title><style>p {}</style></head><body><h1>Crane</h1><p>It is <b>40 m</b> high, says "
        b"<@U7>.</p><ul><li><p>first</p></li><li>second &amp; last</li></ul><script>alert(1)</script></body></html>"
    )
    assert text_url(CANVAS) == URL
    assert text_in(CANVAS) is None
    assert text_of(CANVAS, page) == ("# Harbor\n\n# Crane\n\nIt is 40 m high, says .\n\n- first\n\n- second & last")


def test_title_is_not_repeated() -> None:
    assert text_of(CANVAS, b"<h1>Harbor</h1><p>rebuilt</p>") == "# Harbor\n\nrebuilt"


def test_table_keeps_its_rows() -> None:
    page = "<table><tr><th>Port</th><th>Use</th></tr><tr><td><p>8443</p></td><td>gate<br>way</td></tr></table><p>end"
    assert read_html(page) == "| Port | Use |\n| --- | --- |\n| 8443 | gate way |\n\nend"


def test_cell_may_end_without_its_tag() -> None:
    assert read_html("<table><tr><td>a<td>b<tr><td>c</table><p>d</p><p>e</p>") == (
        "| a | b |\n| --- | --- |\n| c |\n\nd\n\ne"
    )


@pytest.mark.parametrize(
    "piece", ["<td>", "</td>", "<b>x</b>", "<p>", "<table><tr><td>", "<i hidden>", "<li><p>x", "<!x", "&"]
)
def test_long_page_is_read_in_linear_time(piece: str) -> None:
    started = perf_counter()
    read_html(piece * 40_000)
    assert perf_counter() - started < 5


def test_preformatted_text_keeps_its_lines() -> None:
    assert read_html("<p>a\n b</p><pre>x = 1\n  y = 2</pre><p>c\nd</p>") == "a b\n\nx = 1\n  y = 2\n\nc d"


def test_hidden_text_is_left_out() -> None:
    page = '<p hidden>a</p><p style="display: none">b <br> <b>c</b></p><p>d</p><div style="visibility:hidden">e</div>f'
    assert read_html(page) == "d\n\nf"
    assert read_html("<noscript>a</p></noscript><p>b") == "b"


def test_emoji_of_a_canvas_are_kept() -> None:
    assert read_html('<p>done <control><img alt=":tada:"></img></control></p>') == "done :tada:"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain words", "# Harbor\n\nplain words"),
        (b'{"root": [{"type": "h1", "text": "Crane"}, {"text": "40 m"}], "n": 1}', "# Harbor\n\nCrane\n\n40 m"),
        (b'{"full": "<p>one &lt; two</p><p>three</p>", "preview": "one"}', "# Harbor\n\none < two\n\nthree"),
        (b"{not json", "# Harbor\n\n{not json"),
        (b"[" * 10, "# Harbor\n\n" + "[" * 10),
        ("<p>größer \ufffd</p>".encode(), "# Harbor\n\ngrößer \ufffd"),
        (b"\xef\xbb\xbf<p>a\xff</p>", "# Harbor\n\na\ufffd"),
    ],
)  # fmt: skip
def test_post_is_read_as_html_json_or_text(data: bytes, text: str) -> None:
    assert text_of(POST, data) == text


def test_email_brings_its_text_along() -> None:
    header = (
        "Subject: Crane\nFrom: Ada <ada@example.org>\nTo: ops@example.org\nDate: Fri, 3 May 2024 10:00:00 +0000\n\n"
    )
    assert text_in(EMAIL | {"plain_text": " It is 40 m high.\n"}) == header + "It is 40 m high."
    assert text_in(EMAIL | {"simplified_html": "<p>It is <b>40 m</b> high.</p>"}) == header + "It is 40 m high."
    assert text_in(EMAIL | {"preview_plain_text": "It is 40 m high."}) == header + "It is 40 m high."
    assert text_of(EMAIL, b"<div>It is 40 m high.</div>") == header + "It is 40 m high."


def test_cut_email_is_downloaded() -> None:
    cut = EMAIL | {"preview_plain_text": "It is", "preview_is_truncated": True, "url_private_download": URL}
    assert text_in(cut) is None
    assert text_url(cut) == URL
    assert not has_text(EMAIL | {"preview_plain_text": "It is", "has_more": True})


def test_clip_is_read_once_slack_has_transcribed_it() -> None:
    assert text_in(clip(content="The crane is 40 m high.", has_more=False)) == "The crane is 40 m high."
    long = clip(content="The crane", has_more=True)
    assert (text_in(long), text_url(long)) == (None, URL)
    assert not has_text(clip("processing", content="The crane"))
    assert not has_text(CLIP)


def test_transcript_is_read_without_times() -> None:
    captions = (
        "WEBVTT - talk\n\nNOTE made by Slack\n00:00.000 lacks an hour\n\nSTYLE\n::cue {}\n\n"
        "1\n00:00:00.000 --> 00:00:02.500\n"
        "<v Ada>The crane &amp; the quay\nare <b>40 m</b> high.\n\n00:02.500 --> 00:04.000 align:start\nYes.\n\n"
        "00:04.000 --> 00:05.000\n\n"
    )
    expected = "Ada: The crane & the quay are 40 m high.\nYes."
    assert read_vtt(captions) == expected
    assert read_vtt(captions.replace("\n", "\r\n")) == expected
    assert text_of(clip(), captions.encode()) == expected


def test_uploaded_file_has_no_other_text() -> None:
    for file in (
        raw_file(url_private_download=URL),
        raw_file(name="a.txt", mode="snippet", plain_text="x", preview="x"),
    ):
        assert not has_text(file)


@given(st.text(alphabet="<>/&;= \n\"'-!apresdivtuhlon1", max_size=80))
def test_any_page_is_read(page: str) -> None:
    assert isinstance(read_html(page), str)
    assert isinstance(read_vtt(page), str)
