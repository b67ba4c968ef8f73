"""What a camera does to a line of print: shade, glare, blur, noise and JPEG."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from edgecnn.data.synth.pixels import spread


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] <= value[1]:
        raise ValueError(f"expected a range from low to high, got {value}")
    return value


Range: TypeAlias = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_ordered)]
"""Low and high end."""
Image: TypeAlias = NDArray[np.float32]


class Camera(BaseModel):
    """Ranges of the degradations, drawn uniformly (the glyph height: by its logarithm)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    glyph_px: Range = (16.0, 32.0)
    """Height of the tallest character in the picture."""
    blur: Range = (0.0, 0.055)
    """Gaussian sigma, as a share of the glyph height."""
    motion: Range = (0.0, 0.15)
    """Length of the motion blur, as a share of the glyph height (one line in four)."""
    noise: Range = (0.0, 10.0)
    """Standard deviation, in grey levels of 0..255."""
    jpeg: Range = (42.0, 94.0)
    """JPEG quality."""
    tilt: Range = (-0.09, 0.09)
    """Shift of each corner, as a share of the line height."""
    shade: Range = (0.0, 0.5)
    """Darkening at the darkest place."""
    glare: float = Field(0.12, ge=0, le=1)
    """Share of lines with a bright reflection."""

    @model_validator(mode="after")
    def _possible(self) -> Camera:
        if not (self.glyph_px[0] >= 4 and self.glyph_px[1] <= 512):
            raise ValueError(f"glyph_px must lie within 4..512, got {self.glyph_px}")
        if not (self.jpeg[0] >= 1 and self.jpeg[1] <= 100):
            raise ValueError(f"jpeg must lie within 1..100, got {self.jpeg}")
        if min(self.blur[0], self.motion[0], self.noise[0], self.shade[0]) < 0:
            raise ValueError("blur, motion, noise and shade cannot be negative")
        return self


def shade(image: Image, camera: Camera, rng: np.random.Generator) -> Image:
    """Light the picture unevenly: a gradient, sometimes a cast shadow's edge, sometimes glare."""
    height, width = image.shape[:2]
    depth = rng.uniform(*camera.shade)
    ramp = np.linspace(1 - depth * rng.random(), 1 - depth * rng.random(), width, dtype=np.float32)
    light = np.repeat(ramp[None, :], height, axis=0)
    if rng.random() < 0.15:
        edge = rng.uniform(0, width)
        slope = rng.uniform(-1.5, 1.5)
        x = np.arange(width, dtype=np.float32)[None, :]
        y = np.arange(height, dtype=np.float32)[:, None]
        soft = np.clip((x + slope * y - edge) / rng.uniform(3, 25), 0, 1)
        light *= 1 - soft * rng.uniform(0.1, 0.45)
    out = image * spread(light, (1, 1, 1))
    if rng.random() < camera.glare:
        spot = np.zeros((height, width), np.float32)
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        axes = (int(rng.uniform(0.3, 3) * height), int(rng.uniform(0.2, 0.8) * height))
        cv2.ellipse(spot, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
        spot = np.asarray(cv2.GaussianBlur(spot, (0, 0), max(1.0, 0.3 * height)), np.float32)
        out += spread(spot, [rng.uniform(30, 130)] * 3)
    return np.asarray(out, np.float32)


def blur(image: Image, glyph_px: float, camera: Camera, rng: np.random.Generator) -> Image:
    """Blur as a lens out of focus, and for one line in four as a moving hand."""
    sigma = rng.uniform(*camera.blur) * glyph_px
    if sigma > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32, copy=False)
    length = int(rng.uniform(*camera.motion) * glyph_px)
    if length >= 2 and rng.random() < 0.25:
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        half = (length - 1) / 2
        step = (half * np.cos(angle), half * np.sin(angle))
        ends = [(round(half + k * step[0]), round(half + k * step[1])) for k in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        image = cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.float32, copy=False)
    return image


def sense(image: Image, camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Develop the picture: exposure, colour cast, gamma, sensor noise, JPEG; to uint8."""
    gain = rng.uniform(0.7, 1.2) * rng.uniform(0.94, 1.06, 3)
    out = image * gain.astype(np.float32) + np.float32(rng.uniform(-18, 18))
    noise = rng.uniform(*camera.noise)
    if noise > 0.5:
        grain = rng.standard_normal(image.shape[:2], dtype=np.float32)
        tint = rng.uniform(0.7, 1.3, 3) * noise
        out += spread(grain, tint.tolist())
    pixels = np.clip(out, 0, 255).astype(np.uint8)
    gamma = rng.uniform(0.7, 1.4)
    table = (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    pixels = table[pixels]
    quality = int(rng.uniform(*camera.jpeg))
    _, data = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
