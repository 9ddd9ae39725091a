"""`python -m tests.injections [--guard off] [--extra FILE] [--plain]`: print a table of the cases and their effects."""

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
    """Return 0 if no order had an effect in a reply, 1 if one did, 2 for invalid arguments."""
    parser = argparse.ArgumentParser(prog="make injections", description="Documents that give orders to the model.")
    parser.add_argument("--guard", choices=("on", "off"), default="on", help="off: what gets out without any guard")
    parser.add_argument("--extra", type=Path, help="JSON lines with cases of your own")
    parser.add_argument("--plain", action="store_true", help="leave out cases with pictures")
    parser.add_argument("--every", type=int, default=1, help="only every n-th built-in case")
    options = parser.parse_args(arguments)
    try:
        tried = [*cases()[:: options.every], *(own_cases(options.extra) if options.extra else ())]
    except MagpieError as error:
        sys.stderr.write(f"{error} {error.hint}\n")
        return 2
    if options.guard == "off":
        extra = ["--extra", str(options.extra.resolve())] if options.extra else []
        plain = ["--plain"] if options.plain else []
        return run_unguarded(["--every", str(options.every), *plain, *extra])
    with tempfile.TemporaryDirectory() as folder:
        results = list(try_all(tried, Path(folder), None if options.plain else _open_ocr))
    sys.stdout.write("\n".join(table(results)) + "\n")
    return 1 if any(result.out for result in results) else 0


def table(results: Sequence[Result]) -> list[str]:
    """Return a line per family of cases, then what got out, what was not obeyed, and how many got out."""
    lines = [f"{'family':18} {'cases':>5} {'obeyed':>6} {'got out':>7}"]
    for family in dict.fromkeys(result.case.family for result in results):
        in_family = [result for result in results if result.case.family == family]
        obeyed, out = sum(result.obeyed for result in in_family), sum(bool(result.out) for result in in_family)
        lines.append(f"{family:18} {len(in_family):5} {obeyed:6} {out:7}")
    for result in results:
        if result.out:
            line = f"  {result.case.family}, {result.case.name}: {'; '.join(result.out[:4])}"
            lines.append(" ".join(line.split()).encode("ascii", "backslashreplace").decode())
    not_obeyed = [result.case.name for result in results if not result.obeyed]
    lines.append(f"not obeyed, because the order did not reach the model: {', '.join(not_obeyed) or 'none'}")
    streamed = sum(result.streamed for result in results)
    lines.append(f"shown sentence by sentence, while the model wrote: {streamed} of {len(results)}")
    lines.append(f"{sum(bool(result.out) for result in results)} got out")
    return lines


def _open_ocr() -> Ocr:
    from rag.adapters.ocr import open_ocr

    return open_ocr(2)


if __name__ == "__main__":
    sys.exit(main())
