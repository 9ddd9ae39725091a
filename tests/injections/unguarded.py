"""Run the cases without the guards against injected orders, to show that each case can have an effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.support.mutations import Mutation, mutated_copy, run_module

GUARDS = (
    Mutation(
        "bot.slack.blocks:escape",
        "    text = without_invisible(text)\n    for character, entity in _ENTITIES:\n"
        "        text = text.replace(character, entity)\n",
        "",
    ),
    Mutation(
        "bot.slack.blocks:break_links",
        '    return _LINKED_BY_SLACK.sub(lambda match: f"{match.group()}{_BREAK}", text)\n',
        "    return text\n",
    ),
    Mutation("bot.slack.blocks:stream_text", "    return _MARKUP.sub(", "    return markdown or _MARKUP.sub("),
    Mutation("bot.slack.blocks:section", '"text": text, "verbatim": True}', '"text": text}'),
    Mutation(
        "bot.slack.blocks:context", '"text": cut(text, SECTION), "verbatim": True}', '"text": cut(text, SECTION)}'
    ),
    Mutation("rag.model.extraction:displayed_name", ".translate(ROUND)", ""),
    Mutation(
        "rag.answer.citations:check_citations",
        "        checked = _normalize(_unmask(text), by_number.keys())\n",
        "        checked = text\n",
    ),
    Mutation(
        "rag.answer.citations:check_citations",
        "tuple(by_number[number] for number in cited)",
        "tuple(by_number[number] for number in cited if number in by_number)",
    ),
    Mutation(
        "rag.answer.citations:without_citations",
        "match[0].translate(ROUND) if _as_citation(match) else match[0], text)\n"
        "    return _CITATION_PATTERN.sub(lambda match: f\"({match[0].strip('[]【】［］ ')})\", text)\n",
        "match[0], text)\n    return text\n",
    ),
    Mutation("rag.text:without_invisible", '    return _INVISIBLE.sub("", text)\n', "    return text\n"),
    Mutation(
        "rag.answer.control_tokens:without_control",
        '    return _CONTROL.sub(lambda match: f" {match[0]}" if match["closing"] else f"{match[0]} ", text)\n',
        "    return text\n",
    ),
)

SCOPE = Mutation(
    "rag.engine:Rag._find_with_pictures",
    "by_words = self.find(question, scope, pages)",
    'by_words = self.find(question, Scope.of("vault", *(scope.spaces or ())), pages)',
)
"""Not in GUARDS, because with it every case gets the passages of the vault."""


def run_unguarded(arguments: Sequence[str], mutations: Iterable[Mutation] = GUARDS) -> int:
    """Run `python -m tests.injections` on a mutated copy and return its exit status."""
    with mutated_copy(mutations) as copy:
        return run_module(copy, "tests.injections", arguments, capture=False).returncode
