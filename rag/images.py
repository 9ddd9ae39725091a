"""Pictures in the form that extraction, embedders and vision models take them."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import Unreadable
from rag.model.extraction import WHOLE_PAGE, Box

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""

LONG_SIDE, PIXELS = 1280, 1_100_000
"""The largest picture for a vision model: small print stays readable, and two fit into 8,192 tokens."""

_QUALITY = 88
_SHORT_SIDE = 64
"""Vision models reject thin strips (Qwen-VL below 28 pixels): thinner pictures get a white margin."""


def upright_rgb(image: Image) -> Image:
    """Return the picture as a viewer displays it: EXIF orientation applied, 8-bit RGB, transparency on white."""
    from PIL import Image as pillow
    from PIL import ImageOps

    image.load()
    try:
        turned = image if image.getexif().get(_ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - damaged metadata raises anything; the pixels can be used as they are
        turned = image
    if turned.mode.startswith("I") or turned.mode == "F":  # 16 bits a pixel: Pillow would cut, not scale
        low, high = turned.getextrema()
        span = max(float(high) - float(low), 1.0)  # type: ignore[arg-type]
        turned = turned.convert("F").point(lambda value: value * (255 / span) - float(low) * 255 / span)  # type: ignore[arg-type]
        turned = turned.convert("L")
    if "transparency" in turned.info or turned.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        rgba = turned.convert("RGBA")
        white = pillow.new("RGBA", rgba.size, "white")
        turned = pillow.alpha_composite(white, rgba)
    return turned.convert("RGB")


def model_jpeg(picture: bytes | Path, region: Box = WHOLE_PAGE) -> bytes:
    """Return a JPEG, or a region of it, scaled for a vision model. Raise Unreadable for any other format."""
    from PIL import Image

    try:
        # The extraction process writes JPEG files only; no other decoder may see its output.
        with Image.open(BytesIO(picture) if isinstance(picture, bytes) else picture, formats=("JPEG",)) as opened:
            if region == WHOLE_PAGE:
                opened.draft("RGB", (LONG_SIDE, LONG_SIDE))  # decoded at a fraction of its size, not smaller than this
            image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable("The picture cannot be read.", "Send it again as a PNG or JPEG.") from error
    width, height = image.size
    if region != WHOLE_PAGE:
        corners = (region.x0 * width, region.y0 * height, region.x1 * width, region.y1 * height)
        left, top = math.floor(corners[0]), math.floor(corners[1])
        image = image.crop((left, top, max(left + 1, math.ceil(corners[2])), max(top + 1, math.ceil(corners[3]))))
    scale = min(1.0, LONG_SIDE / max(image.size), math.sqrt(PIXELS / (image.width * image.height)))
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    image = image.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (max(_SHORT_SIDE, size[0]), max(_SHORT_SIDE, size[1])), "white")
    canvas.paste(image, ((canvas.width - size[0]) // 2, (canvas.height - size[1]) // 2))
    return encode_jpeg(canvas, _QUALITY)


def encode_jpeg(image: Image, quality: int) -> bytes:
    """Return the image as JPEG; its mode must be RGB or L."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
