"""Check whether the installed torch can use the NVIDIA cards of this machine, from what nvidia-smi says of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rag.model.operations import Check

_QUERY = ("--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader")
_SECONDS = 20

_UPDATE = "Update NVIDIA's driver to version {driver} or later"
_OLDER = "make install-cuda12 (docs/start.md#older-nvidia-cards)"


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    driver: str
    capability: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cuda:
    """What the torch of one constraints file needs: the oldest driver, and the range of compute capabilities."""

    release: str
    driver: int
    oldest: tuple[int, int]
    newest: tuple[int, int] | None


# Drivers: NVIDIA's notes on minor version compatibility. Capabilities: torch.cuda.get_arch_list() of the two builds.
CUDA_13 = Cuda("CUDA 13", 580, (7, 5), None)
CUDA_12 = Cuda("CUDA 12", 525, (5, 0), (9, 0))


def check_cards(cuda: Cuda | None) -> Iterator[Check]:
    """Yield one check for each NVIDIA card; none without nvidia-smi. `cuda` is None without torch for a GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    try:
        done = subprocess.run(
            [program, *_QUERY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        said, failed = (done.stdout.strip() or done.stderr.strip()), done.returncode != 0
    except (OSError, subprocess.TimeoutExpired) as error:
        said, failed = str(error), True
    cards = [] if failed else [card for line in said.splitlines() if (card := _parse(line)) is not None]
    if not cards:
        reason = said.splitlines()[0] if said else "it names no card"
        fix = "Install or update NVIDIA's driver, and restart this machine."
        yield Check("gpu", "warn", f"not used: nvidia-smi reports: {reason}", fix)
    for card in cards:
        yield _check(card, cuda)


def installed_cuda() -> Cuda | None:
    """Return what the installed torch needs, from the CUDA library that came with it. Does not import torch."""
    for package, cuda in (("nvidia-cuda-runtime", CUDA_13), ("nvidia-cuda-runtime-cu12", CUDA_12)):
        try:
            version(package), version("torch")
        except PackageNotFoundError:
            continue
        return cuda
    return None


def _parse(line: str) -> Card | None:
    """Return the card of a line such as `NVIDIA H200, 580.95.05, 9.0`."""
    parts = [part.strip() for part in line.rsplit(",", 2)]
    if len(parts) != 3:
        return None
    major, _, minor = parts[2].partition(".")
    if not (major.isdigit() and minor.isdigit()):
        return None
    return Card(parts[0], parts[1], (int(major), int(minor)))


def _check(card: Card, cuda: Cuda | None) -> Check:
    capability = f"{card.capability[0]}.{card.capability[1]}"
    detail = f"{card.name}, driver {card.driver}, capability {capability}"
    if cuda is None:
        return Check("gpu", "ok", f"{detail}: not used, because torch with CUDA is not installed")
    problem, fix = _problem(card, cuda)
    if problem:
        return Check("gpu", "warn", f"{detail}: not used, because {cuda.release} needs {problem}", fix)
    return Check("gpu", "ok", f"{detail}: fits {cuda.release}")


def _problem(card: Card, cuda: Cuda) -> tuple[str, str]:
    """Return what the card or its driver lacks for this CUDA, and the remedy; two empty texts if it lacks nothing."""
    driver = _major(card.driver)
    other = CUDA_12 if cuda is CUDA_13 else CUDA_13
    if card.capability < cuda.oldest:
        oldest = f"capability {cuda.oldest[0]}.{cuda.oldest[1]}"
        if card.capability < CUDA_12.oldest:
            return f"{oldest} or higher", "Set MAGPIE_EMBED__DEVICE=cpu: no supported CUDA runs on this card."
        return f"{oldest} or higher", _remedy(_OLDER, driver, other)
    if cuda.newest is not None and card.capability > cuda.newest:
        newest = f"capability {cuda.newest[0]}.{cuda.newest[1]} or lower"
        return newest, _remedy("make install", driver, other)
    if driver < cuda.driver:
        update = _UPDATE.format(driver=cuda.driver)
        fits = other.driver <= driver and other.oldest <= card.capability <= (other.newest or card.capability)
        return f"driver {cuda.driver} or later", f"{update}, or: {_OLDER}" if fits else f"{update}."
    return "", ""


def _remedy(command: str, driver: int, cuda: Cuda) -> str:
    if driver >= cuda.driver:
        return command
    return f"{_UPDATE.format(driver=cuda.driver)}, then: {command}"


def _major(driver: str) -> int:
    digits = driver.partition(".")[0]
    return int(digits) if digits.isdigit() else 0
