"""What a task found, as JSON for programs and as a line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecnn_device.tasks import Result


def as_json(result: Result) -> dict[str, object]:
    """Return one result with the keys that the command line promises for its task."""
    from edgecnn_device.tasks import Box, Embedding, Label, Landmarks, OutputTensor

    match result:
        case Box():
            found: dict[str, object] = {
                "label": result.label, "score": round(result.score, 4),
                "box": [round(v, 2) for v in result.box],
            }  # fmt: skip
            if result.quad is not None:
                found["quad"] = [[round(x, 2), round(y, 2)] for x, y in result.quad]
            if result.points:
                found["points"] = [[round(x, 2), round(y, 2)] for x, y in result.points]
            return found
        case Label():
            return {"label": result.label, "index": result.index, "score": round(result.score, 4)}
        case Landmarks(points=points):
            return {"points": [[round(p.x, 2), round(p.y, 2)] for p in points],
                    "names": [p.name for p in points],
                    "scores": [round(p.score, 4) for p in points]}  # fmt: skip
        case Embedding():
            return {"vector": result.vector.tolist()}
        case OutputTensor():
            return {"name": result.name, "shape": list(result.values.shape),
                    "values": result.values.tolist()}  # fmt: skip
    return {
        "text": result.text,
        "confidence": round(result.confidence, 4),
        "currency": result.currency,
    }


def as_text(results: tuple[Result, ...]) -> str:
    """Return the results of one picture on one line."""
    return ", ".join(_text_of(r) for r in results) or "nothing found"


def _text_of(result: Result) -> str:
    from edgecnn_device.tasks import Box, Embedding, Label, Landmarks, OutputTensor

    match result:
        case Box():
            corners = " ".join(f"{v:.0f}" for v in result.box)
            return f"{result.label} ({result.score:.3f}) at {corners}"
        case Label():
            return f"{result.label} ({result.score:.3f})"
        case Landmarks(points=points):
            return " ".join(f"{p.name} ({p.score:.3f}) at {p.x:.1f} {p.y:.1f}" for p in points)
        case Embedding():
            return f"a vector of {len(result.vector)} numbers (--json shows them)"
        case OutputTensor():
            return f"{result.name} {result.values.shape}"
    return f"{result.currency} {result.text}  ({result.confidence:.3f})"
