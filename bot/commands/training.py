"""train-projection: the sentence embedder's vectors turned into CLIP's."""

from __future__ import annotations

import typer

from bot.invocation import Data, Json, invocation
from bot.screen import count


def register(app: typer.Typer) -> None:
    app.command("train-projection")(train_projection)


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
