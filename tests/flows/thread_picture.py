"""The README's picture of a thread, as a page for a browser: `python -m tests.flows.thread_picture OUT.html`.

The samples are read and the question is answered by the real bot; the model is the tests' plain reader.
"""

from __future__ import annotations

import base64
import html
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bot.samples import draw_samples
from bot.workspace import Message, Workspace, open_workspace
from rag import Settings
from tests.flows.team import READ, magpie, pictures, receipts, reply

QUESTION = "What should the watch do if a relay loses power?"

PAGE = """<!doctype html><meta charset="utf-8"><title>A thread</title><style>
body { font: 15px/1.47 "DejaVu Sans", sans-serif; color: #1d1c1d; width: 720px; margin: 0; padding: 18px 22px }
h1 { font-size: 17px; margin: 0 0 12px; padding-bottom: 10px; border-bottom: 1px solid #ddd }
.message { display: grid; grid-template-columns: 44px 1fr; margin: 12px 0 }
.reply { margin-left: 26px }
.face { width: 34px; height: 34px; border-radius: 6px; color: #fff; text-align: center; line-height: 34px;
  font-weight: bold }
b.who { margin-right: 6px } time { color: #777; font-size: 12px } .app { background: #e4e4e4; color: #555;
  font-size: 10px; padding: 1px 4px; border-radius: 3px; margin-right: 6px; vertical-align: 1px }
.small { color: #666; font-size: 13px } a { color: #1264a3; text-decoration: none }
.at { background: #fdf2d0; color: #1264a3; padding: 0 2px; border-radius: 3px }
.file { border: 1px solid #ddd; border-radius: 8px; padding: 8px 12px; display: inline-block; margin: 6px 6px 0 0 }
.reaction { background: #e8f5fa; border: 1px solid #1d9bd1; border-radius: 12px; padding: 1px 9px; font-size: 12px;
  display: inline-block; margin-top: 6px }
figure { margin: 6px 0 0; border: 1px solid #ddd; border-radius: 8px; overflow: hidden; width: 520px }
figure img { width: 100%; display: block } figcaption { font-size: 12px; color: #666; padding: 5px 10px }
</style>"""

FACES = {"magpie": "#1d3557", "ada": "#8a3ffc", "ben": "#0f766e"}


def page(ws: Workspace, messages: list[Message]) -> str:
    return PAGE + "<h1># harbour-watch</h1>" + "".join(_message(ws, one, bool(one.thread_ts)) for one in messages)


def _message(ws: Workspace, message: Message, nested: bool) -> str:
    name = next(person.name for person in ws.people() if person.id == message.user)
    app = '<span class="app">APP</span>' if name == "magpie" else ""
    texts = [(block["text"]["text"], "") for block in message.blocks if "text" in block]
    texts += [(part["text"], "small") for block in message.blocks for part in block.get("elements", ())]
    body = "".join(f'<div class="{kind}">{_text(ws, text)}</div>' for text, kind in texts or [(message.text, "")])
    body += "".join(_file(ws, id) for id in message.files)
    if READ in message.reactions:
        body += '<br><span class="reaction">✔ 1</span>'
    return (
        f'<div class="message{" reply" if nested else ""}"><div class="face" style="background: {FACES[name]}">'
        f'{name[0].upper()}</div><div><b class="who">{name}</b>{app}<time>10:41</time>{body}</div></div>'
    )


def _text(ws: Workspace, text: str) -> str:
    text = text.replace(f"<@{ws.bot_user}>", '<span class="at">@magpie</span>')
    text = re.sub(r"<(https[^|>]+)\|([^>]+)>", r'<a href="\1">\2</a>', text)
    return text.replace("\n", "<br>")


def _file(ws: Workspace, id: str) -> str:
    file = ws.file(id)
    if not file.mimetype.startswith("image/"):
        return f'<div class="file"><b>{html.escape(file.name)}</b> <span class="small">PDF</span></div>'
    data = base64.b64encode(file.data).decode()
    return (
        f'<figure><img src="data:{file.mimetype};base64,{data}">'
        f"<figcaption>{html.escape(file.title)}</figcaption></figure>"
    )


def play(folder: Path) -> str:
    samples = [path for path in draw_samples(folder / "samples") if path.suffix == ".pdf"]
    with open_workspace() as ws:
        ada, ben = ws.person("ada"), ws.person("ben")
        room = ws.channel("harbour-watch", members=[ada, ben])
        with magpie(ws, folder / "data", rag=Settings(data=folder / "data")):
            files = [(path.name, path.read_bytes()) for path in samples]
            shared = ws.post(ada, room, "The handbook, and what became of the sensors.", files=files)
            receipts(ws, room, shared, READ)
            asked = ws.post(ben, room, f"<@{ws.bot_user}> {QUESTION}")
            reply(ws, room, asked)
            shown = pictures(ws, room, asked)
            ws.wait(lambda: not ws.message(room, asked).reactions)
        thread = [one for one in ws.thread(room, asked) if not one.files]
        return page(ws, [ws.message(room, shared), *thread, replace(shown, files=shown.files[:1])])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        Path(sys.argv[1]).write_text(play(Path(name)), encoding="utf-8")
