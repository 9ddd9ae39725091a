"""Control words of chat templates, disarmed: the one place that knows them, for every prompt.

A server turns such words into a turn, a tool call or a picture wherever they are in a prompt, so text from documents
and people must not contain them. They are recognized by their form, because every new model brings new ones:

| form | examples | templates |
|---|---|---|
| `<|…`, `…|>`, with ASCII or wide bars | `<|im_start|>`, `<turn|>`, `<｜User｜>` | ChatML, Llama 3 and 4, Qwen, Phi, |
| | | Gemma 4, Granite, Cohere, gpt-oss, DeepSeek |
| `<<`, `>>WORD<<` | `<<SYS>>`, `>>QUESTION<<` | Llama 2, Falcon |
| `<word>`, `</word>` | `<s>`, `<start_of_turn>`, `<image>`, `<seed:bos>` | Gemma, Llama 2, GLM, InternVL, Seed |
| `[WORD]`, `[/WORD]` | `[INST]`, `[IMG]`, `[THINK]`, `[gMASK]`, `[@BOS@]`, `[|user|]` | Mistral, GLM, EXAONE, BERT |
| `[img-N]` | `[img-0]`, `[unused1]` | where Ollama puts a picture; BERT |
| `]~b]`, `]~!b[`, `[e~[` | | MiniMax |

A space after the opening bracket, or before the closing one, is enough: the words match exactly or not at all. Other
text in that form, such as `<title-page>` or `[EUR]`, gets the space too, which a model reads past; tags of HTML do not.
"""

from __future__ import annotations

import re

from rag.text import without_invisible

_ZERO_WIDTH = "\u00ad\u115f\u1160\u200b-\u200f\u3164\ufe00-\ufe0f\uffa0"
_BESIDE_ASCII = re.compile(rf"(?<=[\0-\x7f])[{_ZERO_WIDTH}]+|(?<![{_ZERO_WIDTH}])[{_ZERO_WIDTH}]++(?=[\0-\x7f])")
"""Characters without width beside ASCII, where no script needs them, as in an `<|im_start|>` with a hidden space."""

_HTML = "|".join(
    """a abbr article aside b big blockquote body br button caption center code col colgroup dd del details div dl dt em
    fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe input ins kbd label
    legend li link main meta nav ol option p pre q samp script section select small span strike strong style sub summary
    sup svg table tbody td template textarea tfoot th thead time title tr tt u ul var""".split()
)
"""Elements of HTML that no template uses; `<s>`, `<img>`, `<image>`, `<audio>`, `<video>` and `<mask>` are missing."""

_CONTROL = re.compile(
    r"(?P<closing>(?<=[|｜])[>＞])"  # first, so that no other form takes the bracket: `<turn|>>A<<`
    rf"|[<＜](?=[|｜<＜]|(?!/?(?:{_HTML})>)/?[^\W\d][\w:▁-]*[>＞])"
    r"|[\[［](?=/?(?:[A-Z@][A-Z0-9_@]{2,}|[a-z]MASK|\|[^\W\d][\w-]*\||(?i:inst|multimodal|(?:img-|unused|extra_id_)\d+))[\]］])"
    r"|\[(?=e~\[)|\](?=~!?b[\[\]])|>(?=>[A-Z]+<<)"
)


def without_control(text: str) -> str:
    """Return the text with a space inside everything that a chat template could take for a control word."""
    text = _BESIDE_ASCII.sub("", without_invisible(text))
    return _CONTROL.sub(lambda match: f" {match[0]}" if match["closing"] else f"{match[0]} ", text)
