"""Blocks, buttons, shortcuts, commands, Home, modals and the inspector, with a small slack_bolt app behind them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import UnavailableFeature, Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.bot.demo.slack_server.conftest import run_bolt_bot, web_client
from tests.browser.checks import check
from tests.browser.conftest import Visit
from tests.browser.gallery import APP_MANIFEST, FEEDBACK, HOME, MODAL, gallery
from tests.browser.window import DESK, PHONE
from tests.support.slack_workspace import without_proxies


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(APP_MANIFEST % (", ".join(f'"{one}"' for one in SCOPES), ", ".join(EVENTS)))
    with without_proxies(), open_workspace(manifest=manifest) as opened:
        yield opened


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    return create_team(ws)


@pytest.fixture
def received() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def app(ws: Workspace, team: DemoTeam, received: list[dict[str, Any]]) -> Iterator[App]:
    ws.pace.trigger_for = 60.0  # on a busy machine, a modal opens late
    with run_bolt_bot(ws) as (_, app):
        _listen(app, received)
        yield app


def _listen(app: App, received: list[dict[str, Any]]) -> None:
    @app.action("feedback")
    def feedback(ack: Ack, body: dict[str, Any], respond: Respond, client: WebClient) -> None:
        ack()
        received.append(body)
        if body["actions"][0]["value"].startswith("bad"):
            client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        else:
            respond("Thank you.", response_type="ephemeral", replace_original=False)

    @app.action("look")
    def look(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        received.append(body)

    @app.view("why")
    def why(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        if len(view["state"]["values"]["reason"]["said"]["value"] or "") < 5:
            ack(response_action="errors", errors={"reason": "A few words more, please."})
        else:
            ack()
            received.append(body)

    @app.shortcut("find_similar")
    def similar(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
        ack()
        respond(f"Nothing is like “{body['message']['text']}”.")

    @app.command("/magpie")
    def command(ack: Ack, body: dict[str, Any]) -> None:
        ack(f"You said {body['text']}.")


def picture() -> bytes:
    drawn = Image.new("RGB", (900, 500), "white")
    ImageDraw.Draw(drawn).rectangle((60, 60, 840, 200), fill="#ffe14d", outline="#c9a800")
    stream = BytesIO()
    drawn.save(stream, "PNG")
    return stream.getvalue()


def post_picture(ws: Workspace, team: DemoTeam) -> str:
    """Post a picture and return its id, for blocks to show."""
    ws.post("ada", team.channel, files=[("page.png", picture())])
    return ws.files("page.png")[0].id


def test_renders_every_block(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    id = post_picture(ws, team)
    web_client(ws).chat_postMessage(channel=team.channel, text="a gallery", blocks=gallery(id))
    window = visit(viewport={"width": 1100, "height": 1900})
    block = window.message("What the handbook says").locator(".text")
    block.wait_for()
    for css, count in {
        "h3.header": 1,
        "hr": 1,
        "figure img": 1,
        ".elsewhere": 1,
        "table": 2,
        ".actions .push": 4,
        "ol li": 2,
        ".rich ul li": 2,
        "blockquote": 2,
        "pre": 2,
        ".fields > div": 2,
        "details.container": 1,
        ".cannot": 0,
    }.items():
        assert block.locator(css).count() == count, css
    assert "A <tag> is text." in block.inner_text()
    assert "Terns are quick" not in block.inner_text()
    block.locator("details.container summary").click()
    assert "Terns are quick" in block.inner_text()
    block.locator("figure img").evaluate("image => image.decode()")
    window.shot("blocks-1-light")
    window.page.emulate_media(color_scheme="dark")
    window.shot("blocks-2-dark")
    window.page.set_viewport_size({**PHONE, "height": 2300})  # type: ignore[typeddict-item]
    window.shot("blocks-3-phone")


def test_feedback_reaches_the_app_and_opens_a_modal(
    visit: Visit, ws: Workspace, team: DemoTeam, app: App, received: list[dict[str, Any]]
) -> None:
    ts = web_client(ws).chat_postMessage(
        channel=team.channel, text="It is 8443.", blocks=[{"type": "markdown", "text": "It is **8443**."}, FEEDBACK]
    )["ts"]
    window = visit()
    window.page.get_by_role("button", name="Good").click()
    window.message("Thank you.").wait_for()
    assert (received[0]["actions"][0]["value"], received[0]["message"]["ts"]) == ("good:1", ts)
    assert received[0]["user"]["id"] == team.ada
    window.page.get_by_role("button", name="Bad").click()
    window.page.locator("dialog.modal").wait_for()
    window.page.get_by_label("In your words").fill("no")
    window.page.get_by_role("button", name="Send", exact=True).last.click()
    window.page.get_by_text("A few words more, please.").wait_for()
    window.shot("feedback-1-asked")
    window.page.get_by_label("In your words").fill("It was the other page.")
    window.page.get_by_label("Kind").select_option("page")
    window.page.locator("dialog.modal").get_by_role("button", name="Send").click()
    window.page.locator("dialog.modal").wait_for(state="detached")
    values = received[-1]["view"]["state"]["values"]
    assert values["reason"]["said"]["value"] == "It was the other page."
    assert values["kind"]["chosen"]["selected_option"] == {"value": "page"}
    window.shot("feedback-2-thanked")


def test_shortcut_command_and_home(
    visit: Visit, ws: Workspace, team: DemoTeam, app: App, received: list[dict[str, Any]]
) -> None:
    ws.post("ben", team.channel, "the heron nests")
    window = visit()
    window.choose("the heron nests", "Find similar")
    window.message("Nothing is like “the heron nests”.").wait_for()
    window.page.locator("#conversation textarea").fill("/mag")
    window.page.locator(".completion li", has_text="/magpie").wait_for()
    window.shot("command-1-completed")
    window.say("/magpie status of it")
    window.message("You said status of it.").wait_for()
    window.say("/magpie ")
    web_client(ws).views_publish(user_id=team.ada, view=HOME)
    window.enter("Magpie")
    ws.wait(lambda: opened_tabs(ws) == ["messages"], what="the tab Messages to open")
    window.page.get_by_role("navigation", name="Magpie").get_by_role("link", name="Home").click()
    window.page.get_by_role("button", name="Look").click()
    ws.wait(lambda: received, what="the button")
    assert received[0]["container"]["type"] == "view"
    assert opened_tabs(ws) == ["messages", "home"]
    window.shot("home-1")
    window.become("Ben")
    window.page.get_by_text("has not published a Home yet").wait_for()


def opened_tabs(ws: Workspace) -> list[str]:
    return [each.payload["event"]["tab"] for each in ws.envelopes("app_home_opened")]


def test_reports_an_app_that_does_not_respond(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    ws.post("ben", team.channel, "the heron nests")
    window = visit()
    window.choose("the heron nests", "Find similar")
    window.page.locator(".toast", has_text="Magpie is not connected").wait_for()
    window.page.locator("#conversation textarea").fill("/mgpie")
    window.page.locator("#conversation textarea").press("Enter")
    window.page.locator(".toast", has_text="/mgpie is not a command here").wait_for()


def test_shows_status_and_suggested_prompts(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    client, direct = web_client(ws), ws.direct("ada")
    ts = ws.post("ada", direct, "what is new?")
    client.assistant_threads_setStatus(channel_id=direct, thread_ts=ts, status="is reading the handbook …")
    client.assistant_threads_setSuggestedPrompts(
        channel_id=direct, prompts=[{"title": "New documents", "message": "Which documents are new?"}]
    )
    window = visit()
    window.enter("Magpie")
    window.page.locator("#conversation .line", has_text="Magpie is reading the handbook …").wait_for()
    window.shot("status-1")
    window.page.get_by_role("button", name="New documents").click()
    assert window.page.locator("#conversation textarea").input_value() == "Which documents are new?"


def test_inspector_shows_retries_and_errors(visit: Visit, ws: Workspace, team: DemoTeam, app: App) -> None:
    window = visit()
    window.page.get_by_role("button", name="Inspector").click()
    ws.pace.ack_timeout = 2.0
    ws.faults.lose_acks()
    ws.post("ada", team.channel, f"<@{ws.bot_user}> which port?")
    client = web_client(ws)
    wrong = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    with pytest.raises(Exception, match="invalid_blocks"):
        client.chat_postMessage(channel=team.channel, text="x", blocks=[wrong])
    ws.settled()
    records = window.page.locator("#inspector .records")
    records.locator("li.again", has_text="sent 2 times").wait_for()
    refused = records.locator("li.bad", has_text="invalid_blocks")
    refused.locator("summary").click()
    refused.get_by_text("must be less than 3001 characters").wait_for()
    assert records.locator("li.event", has_text="app_mention").locator(".took", has_text="acked in").count() == 1
    window.shot("inspector-1")
    window.page.get_by_role("button", name="errors").click()
    assert records.locator("li").count() == 2
    color = refused.locator(".error").evaluate("each => getComputedStyle(each).color")
    assert color == "rgb(179, 38, 30)"
    window.page.reload()
    records.locator("li.bad").wait_for()


def test_shows_missing_features_with_their_commands(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    found = [
        UnavailableFeature(
            "written answers",
            "Ollama is not running.",
            "Install Ollama, then: ollama pull m",
            "ollama pull m",
        ),
        UnavailableFeature("picture search", "No weights on this machine.", "", ".venv/bin/magpie models pull"),
    ]
    ws.page.off = lambda again: found if not again else found[1:]
    window = visit()
    window.page.get_by_role("button", name="How to turn on").click()
    window.page.locator("dialog code", has_text="ollama pull m").wait_for()
    window.shot("off-1")
    window.page.get_by_role("button", name="Copy").last.click()
    window.page.wait_for_function(
        "navigator.clipboard.readText().then(text => text === '.venv/bin/magpie models pull')"
    )
    window.page.get_by_role("button", name="Check again").click()
    window.page.locator("dialog li").nth(1).wait_for(state="detached")
    assert window.page.locator("dialog li").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_app_surfaces_are_accessible_and_fit(
    visit: Visit, ws: Workspace, team: DemoTeam, app: App, axe: str | None, scheme: str, size: str
) -> None:
    phone, client = size == "phone", web_client(ws)
    post_picture(ws, team)
    client.chat_postMessage(channel=team.channel, text="It is 8443.", blocks=[FEEDBACK])
    client.views_publish(user_id=team.ada, view=HOME)
    with pytest.raises(Exception, match="invalid_blocks"):
        client.chat_postMessage(channel=team.channel, text="x", blocks=[{"type": "sections"}])
    window = visit(
        viewport=PHONE if phone else DESK, color_scheme=scheme, bypass_csp=bool(axe), has_touch=phone, is_mobile=phone
    )
    page = window.page

    def look(what: str) -> None:
        check(window, axe)
        window.shot(f"surfaces-{size}-{scheme}-{what}")

    page.locator("#conversation .shown .picture").click()
    page.locator("dialog.lightbox img").evaluate("image => image.decode()")
    look("1-picture")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="3 members").click()
    look("2-members")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Bad").click()
    page.get_by_label("In your words").fill("no")
    page.locator("dialog.modal").get_by_role("button", name="Send").click()
    page.get_by_text("A few words more, please.").wait_for()
    look("3-modal")
    page.keyboard.press("Escape")
    page.locator("dialog.modal").wait_for(state="detached")
    page.locator("#conversation textarea").fill("@")
    page.locator(".completion li").first.wait_for()
    look("4-completion")
    page.locator("#conversation textarea").fill("/crow")
    page.locator("#conversation textarea").press("Enter")
    page.locator(".toast", has_text="/crow is not a command here").wait_for()
    look("5-toast")
    page.get_by_role("button", name="Dismiss").click()
    last = page.locator("#conversation .message", has=page.get_by_role("button", name="Bad"))
    last.hover()
    last.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Find similar").wait_for()
    look("6-menu")
    page.keyboard.press("Escape")
    page.goto(ws.page.url + f"#/{team.ada}/home")
    page.get_by_role("button", name="Look").wait_for()
    look("7-home")
    if phone:
        page.locator("#conversation").get_by_role("button", name="Conversations").click()
    page.get_by_role("button", name="Inspector").click()
    page.locator("#inspector li.bad summary").first.click()
    look("8-inspector")


def test_long_answer_is_shown_from_its_beginning(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    question = ws.post("ada", team.channel, f"<@{ws.bot_user}> which port?")
    client = web_client(ws)
    window = visit()
    client.chat_postMessage(channel=team.channel, thread_ts=question, text="Looking …")
    window.open_thread("which port?")
    where = "#thread .scroller"
    answer = window.message("The gateway listens", "#thread")
    for number in range(1, 4):
        pictures = [(f"page-{each}.png", picture()) for each in range(2)]
        client.chat_postMessage(channel=team.channel, thread_ts=question, text=f"The gateway listens: {number}")
        ws.post("magpie", team.channel, files=pictures, thread_ts=question)
        answer.get_by_text(f"listens: {number}").wait_for(state="attached")
        window.page.locator(f"{where} .shown img").nth(2 * number - 1).wait_for(state="attached")
    first = window.page.locator("#thread .message", has_text="Looking")
    window.page.wait_for_function(
        "box => box.scrollHeight > box.clientHeight + 300", arg=window.page.locator(where).element_handle()
    )
    assert first.bounding_box()["y"] >= window.page.locator(where).bounding_box()["y"] - 1  # type: ignore[index]
    window.page.locator("#thread textarea").fill("thank you")
    window.send("#thread")
    window.message("thank you", "#thread").wait_for()
    end = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 2"
    window.page.wait_for_function(end, arg=window.page.locator(where).element_handle())


def test_document_without_a_receipt_shows_as_being_read(visit: Visit, ws: Workspace, team: DemoTeam, app: App) -> None:
    window = visit()
    ts = ws.post("ada", team.channel, files=[("handbook.pdf", b"%PDF-1.4")])
    window.page.locator("#conversation .line", has_text="Magpie is reading handbook.pdf").wait_for()
    web_client(ws).reactions_add(channel=team.channel, timestamp=ts, name="white_check_mark")
    window.page.locator("#conversation .line", has_text="Magpie is reading").wait_for(state="detached")


def test_touch_screens_react_through_the_menu(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    ws.post("ben", team.channel, "the heron nests")
    window = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    window.message("the heron nests").get_by_role("button", name="More").tap()
    window.page.get_by_role("menuitem", name="React with eyes").tap()
    window.page.locator(".reaction[aria-label*=ada]").wait_for()
