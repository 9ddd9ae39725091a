"""All texts that readers of an answer see."""

from __future__ import annotations

ABSTAINED = "I could not find this in the files I can search here."

READ_NOTE = "(read from the picture)"

NO_MODEL = "no model is set"
NO_CITATION = "the model cited no passage"
NOTHING_HELD = "nothing that the model wrote is on the cited pages"
EMPTY = "the model wrote nothing"
REFUSED = "the model declined to answer"
THINKING = "the model wrote its thoughts and no answer"
PROMPT_COPIED = "the model copied its instructions"
REPEATED = "the model repeated itself"
OTHER_LANGUAGE = "the model answered in another language"


def left_out(sentences: int) -> str:
    """Return the notice above an answer without the sentences that its pages do not support."""
    if not sentences:
        return ""
    count = "one sentence" if sentences == 1 else f"{sentences} sentences"
    return f"Left out: {count} of the model, not supported by the pages."


def withdrawn(sentences: int) -> str:
    """Return the notice above an answer that lacks sentences which its readers were shown while it was written."""
    if not sentences:
        return ""
    count = "one sentence that was" if sentences == 1 else f"{sentences} sentences that were"
    return f"Taken back: {count} shown while this was written."


def caption_note(captioner: str) -> str:
    return f"(from a caption written by {captioner})"


def abstained(nearest_pages: list[str]) -> str:
    return f"{ABSTAINED} Nearest: {'; '.join(nearest_pages)}." if nearest_pages else ABSTAINED


def best_passages(reason: str) -> str:
    """Return the notice above passages that are shown instead of a written answer."""
    return f"Best passages (no written answer: {reason.rstrip('.')})."


def list_from(pages: int) -> str:
    """Return the notice of a list that may be incomplete."""
    return f"This list is from the best {'page' if pages == 1 else f'{pages} pages'}. More pages match."


def older_versions(places: list[str]) -> str:
    return f"An older version differs: {'; '.join(places)}." if places else ""


FOUND_BY_MESSAGE = "the files don't say it, but a message that shares one does"


def turn_on_answers(command: str) -> str:
    return f"To turn on written answers: {command}"


def question_cut(characters: int) -> str:
    return f"The question is long: the model got only its first {characters} characters."


def answer_cut(seconds: float) -> str:
    return f"The answer was cut after {seconds:.0f} seconds."


ANSWER_CUT_REMEDY = "To allow more time, raise MAGPIE_ANSWER__LONGEST_SECONDS."


def picture_not_seen(model: str) -> str:
    return f"The model {model} cannot see pictures, so yours was used only for searching."


PICTURE_TOO_LARGE = "Your picture does not fit into the model's context window, so it was used only for searching."


def passages_left_out(shown: int, found: int) -> str:
    return f"Only {shown} of {found} passages fit into the model's context window."


def small_model(model: str, tokens: int) -> str:
    return f"The context window of {model} is {tokens} tokens. A model with a larger one can read more passages."


def small_setting(tokens: int) -> str:
    return f"To let the model read more passages, raise MAGPIE_ANSWER__NUM_CTX (now {tokens} tokens)."


def quoted_caption(kind: str, captioner: str, caption: str) -> str:
    return f"(a {kind}; caption written by {captioner}: “{caption}”)"


def picture_only(kind: str) -> str:
    return f"(a {kind}; see its picture)"
