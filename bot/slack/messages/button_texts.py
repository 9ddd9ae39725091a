"""Labels of buttons, and what is said when one is pressed. Pure."""

from __future__ import annotations

STOP_BUTTON = "Stop"
MORE_FILES_BUTTON = "Show more files"
MORE_PAGES_BUTTON = "Show more pages"
ONLY_IN_LIST = "Only in …"
GOOD_ANSWER_BUTTON = "Good answer"
BAD_ANSWER_BUTTON = "Bad answer"
ASK_NEXT = "Ask next:"
AGAIN_WITH = "Answer again with …"
MORE_PAGES = "more pages"
AGAIN_BUTTON = "Answer again when they are read"


def again_with(choice: str) -> str:
    return f"Answer again with {choice}"


def only_in_button(title: str) -> str:
    return f"Only in {title}"


NOT_YOUR_ANSWER = "Only the person who asked can stop this answer."
NOT_YOUR_QUESTION = "Only the person who asked can use this button. Ask the question yourself and I'll answer it."
ALREADY_WAITING = "I'll answer here when the files are read."
ALREADY_ANSWERED = "This question is already answered."
ALREADY_SEARCHING = "I'm already working on this."
THANKS_GOOD = "Thanks for the feedback."
THANKS_BAD = "Thanks. Your admin can see the question, answer and cited pages."
