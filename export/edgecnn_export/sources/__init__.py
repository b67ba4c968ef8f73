"""Where the float network of an export comes from."""

from __future__ import annotations

from pathlib import Path

from edgecnn.errors import InputError
from edgecnn_export.sources.base import Facts, Source
from edgecnn_export.sources.decoding import decode_inside
from edgecnn_export.sources.describe import Description, load_description
from edgecnn_export.sources.sliding import Sliding, slide

__all__ = [
    "Description",
    "Facts",
    "Sliding",
    "Source",
    "decode_inside",
    "load_description",
    "open_source",
    "slide",
]


def open_source(source: Path | str, description: Description | None = None) -> Source:
    """Open a RUN, an ``.onnx`` file or ``module:function``.

    Args:
        source: which.
        description: of the input and outputs of a foreign one; None for a RUN, whose recipe says.

    Raises:
        InputError: it cannot be used; the message says why. Its subclasses name a RUN's faults.
    """
    from edgecnn_export.sources.torch import open_module, open_run

    text = str(source)
    foreign = description or Description()
    if text.endswith(".onnx"):
        from edgecnn_export.sources.onnx import open_onnx

        return open_onnx(Path(text), foreign)
    if ":" in text and not Path(text).exists():
        return open_module(text, foreign)
    if description is not None:
        raise InputError(f"{text}: a RUN's recipe says how its input is prepared: leave out "
                         "--input and --preprocess")  # fmt: skip
    return open_run(Path(text))
