"""The most memory that this process has used."""

from __future__ import annotations

import resource
import sys


def peak_memory_mb() -> tuple[float, float]:
    """Return the peak of this process's resident memory, and of what torch reserved on a CUDA device, in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    torch = sys.modules.get("torch")
    on_gpu = torch.cuda.max_memory_reserved() / 1e6 if torch is not None and torch.cuda.is_available() else 0.0
    return resident, float(on_gpu)
