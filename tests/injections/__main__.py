"""`python -m tests.injections [--guard off] [--extra FILE] [--plain]`: the table, and how many got out."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rag.errors import MagpieError
from rag.ports import Ocr
from tests.injections.cases import cases, own_cases
from tests.injections.trial import Result, try_all
from tests.injections.unguarded import run_unguarded


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing got out, 1 when something did, 2 when it was asked wrongly."""
    parser = argparse.ArgumentParser(prog="make injections", description="Documents that give orders to the model.")
    parser.add_argument("--guard", choices=("on", "off"), default="on", help="off: what gets out without any guard")
    parser.add_argument("--extra", type=Path, help="JSON lines with cases of your own")
    parser.add_argument("--plain", action="store_true", help="leave out what comes as a picture")
    parser.add_argument("--every", type=int, default=1, help="every n-th of our cases")
    asked = parser.parse_args(arguments)
    try:
        tried = [*cases()[:: asked.every], *(own_cases(asked.extra) if asked.extra else ())]
    except MagpieError as error:
        sys.stderr.write(f"{error} {error.hint}\n")
        return 2
    if asked.guard == "off":
        extra = ["--extra", str(asked.extra.resolve())] if asked.extra else []
        plain = ["--plain"] if asked.plain else []
        return run_unguarded(["--every", str(asked.every), *plain, *extra])
    with tempfile.TemporaryDirectory() as folder:
        results = list(try_all(tried, Path(folder), None if asked.plain else _eyes))
    sys.stdout.write("\n".join(table(results)) + "\n")
    return 1 if any(result.out for result in results) else 0


def table(results: Sequence[Result]) -> list[str]:
    """A line per kind of case, what got out, what never reached the model; how many got out comes last."""
    lines = [f"{'family':18} {'cases':>5} {'obeyed':>6} {'got out':>7}"]
    for family in dict.fromkeys(result.case.family for result in results):
        mine = [result for result in results if result.case.family == family]
        obeyed, out = sum(result.obeyed for result in mine), sum(bool(result.out) for result in mine)
        lines.append(f"{family:18} {len(mine):5} {obeyed:6} {out:7}")
    for result in results:
        if result.out:
            line = f"  {result.case.family}, {result.case.name}: {'; '.join(result.out[:4])}"
            lines.append(" ".join(line.split()).encode("ascii", "backslashreplace").decode())
    unheard = [result.case.name for result in results if not result.obeyed]
    lines.append(f"not obeyed, for the order never reached the model: {', '.join(unheard) or 'none'}")
    lines.append(f"{sum(bool(result.out) for result in results)} got out")
    return lines


def _eyes() -> Ocr:
    from rag.adapters.rapidocr import open_ocr

    return open_ocr(2)


if __name__ == "__main__":
    sys.exit(main())
