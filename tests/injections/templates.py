"""Control words of published chat templates, and how to find one in a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "ChatML and Qwen": """
        <|im_start|> <|im_end|> <|endoftext|> <|vision_start|> <|vision_end|> <|image_pad|> <|video_pad|>
        <|box_start|> <|object_ref_start|> <|quad_start|> <tool_call> </tool_call> <tool_response> <think>
        </think>
    """,
    "Llama 2": """
        <s> </s> <unk> [INST] [/INST] <<SYS>> <</SYS>>
    """,
    "Llama 3 and 4": """
        <|begin_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> <|eom_id|> <|python_tag|>
        <|image|> <|header_start|> <|header_end|> <|eot|> <|patch|> <|image_start|>
        <|reserved_special_token_247|>
    """,
    "Mistral": """
        [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_CALLS] [TOOL_RESULTS] [/TOOL_RESULTS]
        [TOOL_CONTENT] [ARGS] [CALL_ID] [IMG] [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX]
        [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [THINK] [/THINK] [AUDIO] [BEGIN_AUDIO] [MODEL_SETTINGS]
        [/MODEL_SETTINGS] [REFERENCE_DOC_1]
    """,
    "GLM": """
        [gMASK] [sMASK] [MASK] <sop> <eop> <|user|> <|observation|> <|assistant|> <|begin_of_image|>
        <arg_key> </arg_value>
    """,
    "Gemma": """
        <bos> <eos> <pad> <mask> <start_of_turn> <end_of_turn> <start_of_image> <end_of_image>
        <image_soft_token> <audio_soft_token> <unused99> <|turn> <turn|> <|channel> <channel|> <|think|>
        <|tool_call> <tool_call|> <|image> <image|>
    """,
    "Phi": """
        <|user|> <|assistant|> <|system|> <|end|> <|image_1|> <|tool|> <|/tool|> <|dummy_83|> <nexa_split>
    """,
    "DeepSeek": """
        <｜begin▁of▁sentence｜> <｜end▁of▁sentence｜> <｜User｜> <｜Assistant｜> <｜tool▁calls▁begin｜>
        <｜fim▁hole｜> <|ref|>
    """,
    "Cohere": """
        <BOS_TOKEN> <EOS_TOKEN> <|START_OF_TURN_TOKEN|> <|END_OF_TURN_TOKEN|> <|SYSTEM_TOKEN|>
        <|USER_TOKEN|> <|START_THINKING|> <|START_ACTION|> <|IMG_PATCH|> <results> </results>
    """,
    "Granite": """
        <|start_of_role|> <|end_of_role|> <|end_of_text|> <|tool_call|> <|start_of_cite|> <documents>
        </documents>
    """,
    "gpt-oss": """
        <|start|> <|end|> <|message|> <|channel|> <|constrain|> <|return|> <|call|> <|startoftext|>
        <|endofprompt|>
    """,
    "InternVL": """
        <img> </img> <IMG_CONTEXT> <quad> </quad> <ref> </ref> <box> </box>
    """,
    "SmolVLM": """
        <image> <fake_token_around_image> <global-img> <row_1_col_1> <end_of_utterance> <row_12_col_12>
    """,
    "code models": """
        <fim_prefix> <fim_middle> <fim_suffix> <file_sep> <issue_comment> <|fim_prefix|> <PRE> <SUF> <MID>
        <EOT>
    """,
    "Falcon": """
        >>QUESTION<< >>ANSWER<< >>SUFFIX<<
    """,
    "EXAONE": """
        [|system|] [|user|] [|assistant|] [|endofturn|] [|tool|] [BOS] [EOS] [PAD] [extra_id_0]
    """,
    "MiniMax": """
        ]~!b[ ]~b] [e~[ <beginning_of_sentence>
    """,
    "others": """
        <seed:bos> <seed:think> <role> </role> <SPECIAL_10> <reserved_106> <extra_id_1> <image_placeholder>
        <|plamo:op|> [UNUSED_TOKEN_145] [CLS] [SEP] [unused1] [@BOS@] [multimodal] <CLS> <SEP> <EOD> <audio>
        <video> <dummy_1> <|bom|> <sep>
    """,
    "llama.cpp and Ollama": """
        <__media__> <__image__> [img-0] [img-12] [img-0000000000] [img-12345678901]
    """,
}
"""By template. Words are matched exactly, including their case."""

EVERY = tuple(dict.fromkeys(word for words in WORDS.values() for word in words.split()))

_CONTROL = re.compile(
    rf"{'|'.join(sorted(map(re.escape, EVERY), key=len, reverse=True))}|\[img-\d+\]|<\|[\w|]{{1,40}}\|?>"
)


def control_word_in(prompt: str) -> str | None:
    """Return the first control word of a prompt, or None."""
    found = _CONTROL.search(prompt)
    return found.group() if found else None
