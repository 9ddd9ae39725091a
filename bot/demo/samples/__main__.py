"""python -m bot.demo.samples FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.demo.samples import draw_samples

if len(sys.argv) != 2:
    sys.exit("usage: python -m bot.demo.samples FOLDER")
for path in draw_samples(Path(sys.argv[1])):
    sys.stdout.write(f"{path}\n")
