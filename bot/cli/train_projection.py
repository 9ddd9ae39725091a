"""`magpie train-projection`"""

from __future__ import annotations

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.terminal import count


def register(app: typer.Typer) -> None:
    app.command("train-projection")(train_projection)


def train_projection(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """Learn from the indexed texts to map text vectors to CLIP vectors, for MAGPIE_EMBED__QUERY_SIDE=projection."""
    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
        with screen.counting("Embedding captions and texts with both embedders", "texts") as report:
            trained = rag.train_projection(report)
        screen.write_json(
            {
                "path": str(trained.path),
                "pairs": trained.pairs,
                "held_out": trained.held_out,
                "cosine_before": trained.before,
                "cosine_after": trained.after,
                "nearest_is_right": trained.right,
            }
        )
        screen.say(f"Trained on {count(trained.pairs, 'pair')}; {trained.held_out:,} held out.", style="bold")
        cosines = f"{trained.before:.3f} before (mean vector), {trained.after:.3f} after"
        screen.say(f"Cosine similarity to CLIP's own vectors, held-out texts: {cosines}.")
        screen.say(f"The nearest vector is the right one for {100 * trained.right:.1f} % of the held-out texts.")
        screen.say("To use it, set MAGPIE_EMBED__QUERY_SIDE=projection. Saved to:")
        screen.path(trained.path)
