"""What a template must share with a vector before the two may be compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelIdentity:
    """Names the embedder and all that is done to a picture before it.

    Vectors of two models lie in unrelated spaces, and so do those of one model fed in two ways: a
    score between them means nothing, yet looks like any other.
    """

    sha256: str
    """Of the variant's file: 64 hexadecimal digits."""
    preprocessing: str
    """A short hash of the input section of the manifest and of the alignment template."""
    size: int
    """Numbers in a vector."""

    def __str__(self) -> str:
        return f"{self.sha256[:12]} / {self.preprocessing} / {self.size} numbers"
