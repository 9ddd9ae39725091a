"""One example of every block that Magpie posts or could post."""

from __future__ import annotations

from typing import Any

Block = dict[str, Any]


def text(words: str, kind: str = "mrkdwn") -> Block:
    return {"type": kind, "text": words}


def push(label: str, action: str, **more: Any) -> Block:
    return {"type": "button", "action_id": action, "text": text(label, "plain_text"), **more}


def rich(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


FEEDBACK: Block = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": text("Good", "plain_text"), "value": "good:1"},
            "negative_button": {"text": text("Bad", "plain_text"), "value": "bad:1"},
        }
    ],
}

MARKDOWN = """## Relays
The **Crane Nine** holds *longest*:

1. Crane Nine, `72 h`
2. Tern, ~~60~~ 58 h

- charged by day
- [its sheet](https://example.org/crane)

| Relay | Hours |
|---|---:|
| Crane Nine | 72 |
| Tern | 58 |

> Measured in calm weather.

```
relay --check 9
```"""


def gallery(picture: str) -> list[Block]:
    """Return one block of every kind. `picture` is the id of a file the bot can see."""
    row = [rich({"type": "text", "text": "Crane Nine", "style": {"bold": True}})]
    return [
        {"type": "header", "text": text("What the handbook says", "plain_text")},
        {
            "type": "section",
            "text": text("*Bold*, _slanted_, ~struck~ and `code`.\n&gt; quoted\nA &lt;tag&gt; is text."),
        },
        {
            "type": "section",
            "fields": [text("*Pages*\n12"), text("*Chunks*\n148")],
            "accessory": push("Open", "open", value="7"),
        },
        {"type": "divider"},
        {"type": "context", "elements": [text("[1] <https://magpie.slack.com/files/U1/F0/x|handbook.pdf>, p. 2")]},
        {
            "type": "image",
            "slack_file": {"id": picture},
            "alt_text": "page 2 with the place marked",
            "title": text("handbook.pdf, p. 2", "plain_text"),
        },
        {"type": "image", "image_url": "https://example.org/elsewhere.png", "alt_text": "A chart"},
        {
            "type": "rich_text",
            "elements": [
                rich(
                    {"type": "text", "text": "Rich: ", "style": {"italic": True}},
                    {"type": "link", "url": "https://example.org", "text": "a link"},
                    {"type": "emoji", "name": "white_check_mark"},
                ),
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [rich({"type": "text", "text": "first"}), rich({"type": "text", "text": "second"})],
                },
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "port = 8443"}]},
            ],
        },
        {"type": "markdown", "text": MARKDOWN},
        {
            "type": "table",
            "column_settings": [{"align": "left"}, {"align": "right"}],
            "rows": [
                [{"type": "raw_text", "text": "Relay"}, {"type": "raw_text", "text": "Reach in km"}],
                [{"type": "rich_text", "elements": row}, {"type": "raw_text", "text": "14"}],
            ],
        },
        {
            "type": "container",
            "title": text("2 more passages", "plain_text"),
            "is_collapsible": True,
            "default_collapsed": True,
            "child_blocks": [{"type": "section", "text": text("[4] handbook.pdf, p. 9\n“Terns are quick.”")}],
        },
        {"type": "actions", "elements": [push("Search wider", "wider", style="primary"), push("Forget", "forget")]},
        FEEDBACK,
    ]


HOME: Block = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": text("What I have read", "plain_text")},
        {
            "type": "section",
            "text": text("*2* documents, *22* pages in your channels."),
            "accessory": push("Look", "look"),
        },
    ],
}

MODAL: Block = {
    "type": "modal",
    "callback_id": "why",
    "title": text("What was wrong?", "plain_text"),
    "submit": text("Send", "plain_text"),
    "blocks": [
        {"type": "section", "text": text("This goes to whoever runs Magpie.")},
        {
            "type": "input",
            "block_id": "reason",
            "label": text("In your words", "plain_text"),
            "element": {"type": "plain_text_input", "action_id": "said", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "kind",
            "optional": True,
            "label": text("Kind", "plain_text"),
            "element": {
                "type": "static_select",
                "action_id": "chosen",
                "options": [{"text": text("Wrong page", "plain_text"), "value": "page"}],
            },
        },
    ],
}

APP_MANIFEST = """
display_information: {name: Magpie, description: Answers from what is shared.}
features:
  app_home: {home_tab_enabled: true}
  shortcuts:
    - {name: Find similar, type: message, callback_id: find_similar, description: Search with this message}
  slash_commands:
    - {command: /magpie, description: Search and status, usage_hint: "[search <text> | status]"}
oauth_config: {scopes: {bot: [%s]}}
settings: {event_subscriptions: {bot_events: [%s]}, interactivity: {is_enabled: true}}
"""
