"""How generated things move before a camera, and what the camera adds."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn_device.cameras.source import Image

Rng = np.random.Generator

_WAVES = 2
_FREQUENCIES_HZ = (0.15, 0.9)
_ENTER_S = 0.35
_NOISE = 3.0
"""Standard deviation of the sensor, grey levels."""


class Sway:
    """Slow, smooth motion: a few sines each for place, size and turn."""

    def __init__(self, amplitudes: tuple[float, ...], rng: Rng) -> None:
        """Draw it.

        Args:
            amplitudes: of each quantity that moves, in its own unit.
            rng: the source of every choice.
        """
        shape = (len(amplitudes), _WAVES)
        self._amplitudes = np.array(amplitudes)[:, None] * rng.uniform(0.3, 1.0, shape) / _WAVES
        self._speeds = 2 * np.pi * rng.uniform(*_FREQUENCIES_HZ, shape)
        self._phases = rng.uniform(0, 2 * np.pi, shape)

    def __call__(self, seconds: float) -> list[float]:
        """Return how far each quantity is from its middle."""
        waves = self._amplitudes * np.sin(self._speeds * seconds + self._phases)
        return [float(value) for value in waves.sum(1)]


def outside(seconds: float, stays_s: float) -> float:
    """Return how far something is still, or again, outside the picture: 1 wholly, 0 not at all.

    Args:
        seconds: since it began to come.
        stays_s: after which it is gone.
    """
    near = min(seconds, stays_s - seconds) / _ENTER_S
    return float((1 - np.clip(near, 0, 1)) ** 2)


class Grain:
    """A sensor's noise, drawn once and laid over every picture at another place."""

    def __init__(self, size: tuple[int, int], rng: Rng) -> None:
        """Draw it.

        Args:
            size: width and height of the pictures.
            rng: the source of every choice.
        """
        self._size = size
        grain = rng.normal(0, _NOISE, (size[1] + 64, size[0] + 64, 3)).round()
        self._more = np.clip(grain, 0, 255).astype(np.uint8)
        self._less = np.clip(-grain, 0, 255).astype(np.uint8)

    def __call__(self, image: Image, rng: Rng) -> Image:
        """Return a picture with noise."""
        (width, height), (x, y) = self._size, rng.integers(0, 64, 2).tolist()
        part = (slice(y, y + height), slice(x, x + width))
        return np.asarray(
            cv2.subtract(cv2.add(image, self._more[part]), self._less[part]), np.uint8
        )


def skin_tone(rng: Rng) -> NDArray[np.float64]:
    """Return a colour of skin, (3,) BGR."""
    return np.array((90, 130, 180)) * rng.uniform(0.5, 1.25) + rng.uniform(-12, 12, 3)


def desk(name: str, size: tuple[int, int], rng: Rng) -> NDArray[np.uint8]:
    """Return a background of the notes' generator.

    Args:
        name: of `edgecnn.data.synth.notes.desks.DESKS`.
        size: width and height.
        rng: the source of every choice.
    """
    from edgecnn.data.synth.notes.desks import DESKS

    return np.clip(DESKS[name](size[1], size[0], rng), 0, 255).astype(np.uint8)
