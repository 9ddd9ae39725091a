"""Fonts as wide as those of Microsoft Office. Without them, lines and pages of office documents end elsewhere."""

from __future__ import annotations

import shutil
import subprocess

_EQUIVALENTS = {
    "Calibri": ("Calibri", "Carlito"),
    "Cambria": ("Cambria", "Caladea"),
    "Arial": ("Arial", "Arimo", "Liberation Sans", "Nimbus Sans"),
    "Times New Roman": ("Times New Roman", "Tinos", "Liberation Serif", "Nimbus Roman"),
    "Courier New": ("Courier New", "Cousine", "Liberation Mono", "Nimbus Mono PS"),
}
"""Fonts of Office, and the fonts with the same widths (fontconfig's 30-metric-aliases.conf)."""

FONTS_REMEDY = (
    "Install fonts as wide as Office's "
    "(Debian: sudo apt install fonts-crosextra-carlito fonts-crosextra-caladea fonts-liberation)."
)

_MAX_SECONDS = 20


def missing_fonts() -> list[str] | None:
    """Return the fonts of Office for which this system has no font of the same width; None if it can't be asked."""
    program = shutil.which("fc-match")
    if program is None:
        return None
    missing = []
    for font, equivalents in _EQUIVALENTS.items():
        command = [program, "-f", "%{family}", font]
        try:
            found = subprocess.run(command, capture_output=True, text=True, timeout=_MAX_SECONDS, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return None
        if not any(family.strip() in equivalents for family in found.split(",")):
            missing.append(font)
    return missing
