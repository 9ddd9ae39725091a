"""`magpie train-decision`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation

_TITLES = {"question": "Questions", "few": "Questions, few documents indexed", "picture": "Screenshots"}


def register(app: typer.Typer) -> None:
    app.command("train-decision")(fit_decision)


def fit_decision(
    context: typer.Context,
    questions: Annotated[
        Path, typer.Option(help="Questions or screenshots with their gold pages, in the format of `magpie eval`.")
    ],
    wrongly: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of answerable questions that may be declined.")
    ] = 0.03,
    data: Data = None,
    json: Json = False,
) -> None:
    """Learn from questions with known pages when to say that nothing was found."""
    from rag import train_decision  # loads NumPy, which --help does not need

    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
        with screen.counting(f"Searching for the questions in {questions.name}", "searches") as report:
            fitted = train_decision(rag, questions, wrongly, report)
        screen.write_json(
            {
                "path": str(fitted.path),
                **{
                    name: {
                        "searches": model.asked,
                        "auroc": model.auroc,
                        "threshold": model.threshold,
                        "declined": {"absent": model.absent, "present": model.present},
                        "curve": [point._asdict() for point in fitted.curves[name]],
                    }
                    for name, model in fitted.decisions.items()
                },
            }
        )
        for name, model in fitted.decisions.items():
            screen.say(f"{_TITLES[name]}: trained on {model.asked:,} searches.", style="bold")
            screen.say(
                f"On held-out documents: AUROC {100 * model.auroc:.1f} %. The threshold of {model.threshold:.2f} "
                f"declines {100 * model.absent:.1f} % of the questions without an answer and "
                f"{100 * model.present:.1f} % of the others."
            )
        screen.say("Magpie uses it from the next start. Saved to:")
        screen.path(fitted.path)
