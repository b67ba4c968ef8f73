"""Sizes under convolution and pooling, one dimension at a time.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285:
a window of f pixels, dilated by d, moved by s over n pixels with p of padding at each end, has
floor((n + 2p - d(f - 1) - 1) / s) + 1 places (relationships 6 and 15).
"""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.errors import InputError


@dataclass(frozen=True)
class Leftover:
    """What a stride leaves over behind the last place of its window."""

    pixels: int
    """Pixels of the input that no place reaches."""
    padding: int
    """Padding at the far end that no place reaches."""


@dataclass(frozen=True)
class Window:
    """A convolution or pooling along one dimension, lengths in pixels."""

    kernel: int
    stride: int = 1
    before: int = 0
    """Padding at the near end."""
    after: int = 0
    """Padding at the far end."""
    dilation: int = 1
    ceil: bool = False
    """Count a last place that hangs over the far end, where it starts inside."""

    def __post_init__(self) -> None:
        if min(self.kernel, self.stride, self.dilation) < 1 or min(self.before, self.after) < 0:
            raise InputError(
                "expected kernel, stride and dilation of at least 1 and padding of at least 0, "
                f"got {self.kernel}, {self.stride}, {self.dilation} and {self.before}, {self.after}"
            )

    @property
    def reach(self) -> int:
        """Pixels from the first to the last that the kernel touches."""
        return self.dilation * (self.kernel - 1) + 1

    def output(self, size: int) -> int:
        """Return how many places the window has on ``size`` pixels.

        Raises:
            InputError: the padded input is smaller than the window.
        """
        room = size + self.before + self.after - self.reach
        if size < 1 or room < 0:
            padded = size + self.before + self.after
            raise InputError(
                f"a window of {self.reach} does not fit {size} pixels ({padded} with padding): "
                "expected a larger input"
            )
        if not self.ceil:
            return room // self.stride + 1
        steps = -(-room // self.stride)
        # A last place that lies wholly in the padding behind the input does not count.
        return steps if steps * self.stride >= size + self.before else steps + 1

    def leftover(self, size: int) -> Leftover:
        """Return what the stride leaves over of ``size`` pixels; nothing where it tiles."""
        used = (self.output(size) - 1) * self.stride + self.reach
        over = max(0, size + self.before + self.after - used)
        return Leftover(max(0, over - self.after), min(over, self.after))


def output_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, *, ceil: bool = False
) -> int:
    """Return floor((n + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Args:
        n: pixels of the input.
        kernel: pixels of the filter.
        stride: pixels between two places.
        padding: pixels added at each end.
        dilation: pixels between neighbours of the filter.
        ceil: round up, as pooling in ceil mode does.

    Raises:
        InputError: the filter does not fit, or a number is out of its range.
    """
    return Window(kernel, stride, padding, padding, dilation, ceil).output(n)


def leftover(
    n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Leftover:  # fmt: skip
    """Return what a stride leaves over when it does not tile; arguments as in `output_size`."""
    return Window(kernel, stride, padding, padding, dilation).leftover(n)


def same_padding(kernel: int, dilation: int = 1) -> int:
    """Return the padding at each end, (f - 1) / 2, that keeps the size under stride 1.

    Raises:
        InputError: the filter is even, so that no equal padding keeps the size.
    """
    total = dilation * (kernel - 1)
    if kernel < 1 or dilation < 1 or total % 2:
        raise InputError(
            f"no equal padding keeps the size under a kernel of {kernel} with dilation "
            f"{dilation}: expected an odd kernel"
        )
    return total // 2


def same_window(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> Window:
    """Return the window padded to ceil(size / stride) places, the odd pixel behind."""
    reach = dilation * (kernel - 1) + 1
    total = max(0, (-(-size // stride) - 1) * stride + reach - size)
    return Window(kernel, stride, total // 2, total - total // 2, dilation)
