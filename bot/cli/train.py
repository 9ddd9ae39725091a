"""train-projection and train-decision: what is learned from the team's own documents and questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.invocation import Data, Json, invocation
from bot.cli.terminal import count

_ASKED = {"question": "Questions", "few": "Questions, where little is indexed", "picture": "Pictures"}


def register(app: typer.Typer) -> None:
    app.command("train-projection")(train_projection)
    app.command("train-decision")(fit_decision)


def train_projection(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """Learn from what is indexed how the text embedder's vectors become CLIP's; MAGPIE_EMBED__QUERY_SIDE uses it."""
    with invocation(context).open(data, json) as (rag, screen):
        with screen.counting("Embedding captions and texts by both embedders", "texts") as watch:
            trained = rag.train_projection(watch)
        screen.data(
            {
                "path": str(trained.path),
                "pairs": trained.pairs,
                "held_out": trained.held_out,
                "cosine_before": trained.before,
                "cosine_after": trained.after,
                "nearest_is_right": trained.right,
            }
        )
        screen.say(f"Learned from {count(trained.pairs, 'pair')}; {trained.held_out:,} were held out.", style="bold")
        cosines = f"{trained.before:.3f} before (the mean of all), {trained.after:.3f} after"
        screen.say(f"Held-out cosine to CLIP's own vector: {cosines}.")
        screen.say(f"The right one of the held-out texts is nearest for {100 * trained.right:.1f} % of them.")
        screen.say("Use it with MAGPIE_EMBED__QUERY_SIDE=projection. It lies here:")
        screen.path(trained.path)


def fit_decision(
    context: typer.Context,
    questions: Annotated[Path, typer.Option(help="Questions or screenshots with their gold pages, as for eval.")],
    wrongly: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of answerable questions that may be declined.")
    ] = 0.03,
    data: Data = None,
    json: Json = False,
) -> None:
    """Learn from questions with known pages when to say that nothing was found."""
    from rag import train_decision  # loads NumPy, which --help has no use for

    with invocation(context).open(data, json) as (rag, screen):
        with screen.counting(f"Asking {questions.name}", "searches") as watch:
            fitted = train_decision(rag, questions, wrongly, watch)
        screen.data(
            {
                "path": str(fitted.path),
                **{
                    name: {
                        "searches": one.asked,
                        "auroc": one.auroc,
                        "threshold": one.threshold,
                        "declined": {"absent": one.absent, "present": one.present},
                        "curve": [point._asdict() for point in fitted.curves[name]],
                    }
                    for name, one in fitted.decisions.items()
                },
            }
        )
        for name, one in fitted.decisions.items():
            screen.say(f"{_ASKED[name]}: learned from {one.asked:,} searches.", style="bold")
            screen.say(
                f"On documents left out: AUROC {100 * one.auroc:.1f} %; {100 * one.absent:.1f} % of those without an "
                f"answer are declined, {100 * one.present:.1f} % of the others, below a probability of "
                f"{one.threshold:.2f}."
            )
        screen.say("It is used from the next start. It lies here:")
        screen.path(fitted.path)
