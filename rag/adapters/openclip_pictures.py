"""Pictures as a model wants them: reduced, resized by the model's own transform, normalised on the device.

What open_clip does to one picture with PIL is done here in the same steps, but for resizing large pictures from means
of a few pixels, and normalising in the batch: cosines to open_clip's own preparation stay above 0.999 (tested), as
those of half precision do. JPEGs are decoded whole: at a fraction, as libjpeg can, a millisecond was gained and a
cosine fell to 0.9976.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import Unreadable
from rag.images import upright

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

_GAP = 2
"""How many times larger than what the model sees a picture stays before the model's own resizing: Pillow documents 2
as the least that keeps the result close (`reducing_gap`)."""


_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Pillow would try dozens of others, whose decoders few people look at."""

_MOST_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class Preparation:
    """A model's own transform, cut in two: `early` on each picture in a thread, the rest on a batch on the device.

    Without `mean` and `std` the transform could not be cut: then `early` is all of it. `on_device`: whether `early`
    is applied to tensors on the device, one picture after another, instead of in the threads.
    """

    early: Any
    side: int
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    on_device: bool

    def picture(self, source: bytes | Path) -> torch.Tensor:
        """uint8 (3, height, width), or float32 when the transform was not cut. Raise Unreadable.

        Runs in any thread; most of its time is spent in C, without Python's lock.
        """
        import numpy as np
        import torch

        image = decoded(source)
        factor = min(image.size) // (self.side * _GAP)
        if factor > 1:
            image = image.reduce(factor)
        if self.mean is None:
            whole: torch.Tensor = self.early(image)
            return whole
        if not self.on_device:
            image = self.early(image)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)

    def batch(self, pictures: list[torch.Tensor], device: str, dtype: torch.dtype) -> torch.Tensor:
        """(n, 3, side, side) on the device. From pinned memory, and without waiting, where that is CUDA."""
        import torch

        cuda = device.startswith("cuda")

        def moved(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.pin_memory().to(device, non_blocking=True) if cuda else tensor.to(device)

        if self.on_device and self.mean is not None:
            stacked = torch.stack([self.early(moved(picture.contiguous())) for picture in pictures])
        else:
            stacked = moved(torch.stack(pictures))
        if self.mean is None or self.std is None:
            return stacked.to(dtype)
        mean = torch.tensor(self.mean, device=device).view(1, 3, 1, 1) * 255
        std = torch.tensor(self.std, device=device).view(1, 3, 1, 1) * 255
        return stacked.to(torch.float32).sub_(mean).div_(std).to(dtype)


def preparation(transform: Any, side: int, *, on_device: bool) -> Preparation:
    """Cut what open_clip made for a model. `side`: the longer side, in pixels, of what the model sees."""
    from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

    steps = list(transform.transforms)
    if len(steps) < 3 or not isinstance(steps[-1], Normalize) or not isinstance(steps[-2], ToTensor):
        return Preparation(transform, side, None, None, False)
    early = [step for step in steps[:-2] if type(step).__name__ != "MaybeConvertMode"]  # it is RGB already
    plain = all(isinstance(step, Resize | CenterCrop) for step in early)  # others of open_clip's take PIL alone
    mean, std = (tuple(float(value) for value in values) for values in (steps[-1].mean, steps[-1].std))
    return Preparation(Compose(early), side, mean, std, on_device and plain)


def decoded(source: bytes | Path) -> Image:
    """The picture upright and in RGB, what is transparent in white. Raise Unreadable, naming no file."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise Unreadable(f"A picture of {opened.width} × {opened.height} pixels is too large.")
            return upright(opened)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise anything over a stranger's bytes: struct.error, IndexError, ...
        raise Unreadable("The picture cannot be decoded.", "Send it as PNG or JPEG.") from error
