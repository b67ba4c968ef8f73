"""Views into a trained classifier: where it looks, what its channels hold, what its filters are."""

from edgecnn.explain.gradcam import grad_cam, predict
from edgecnn.explain.overlay import overlay
from edgecnn.explain.picture import Answer, Explanation, explain
from edgecnn.explain.sheets import Evidence, evidence_sheet, feature_sheet, filter_sheet

__all__ = [
    "Answer",
    "Evidence",
    "Explanation",
    "evidence_sheet",
    "explain",
    "feature_sheet",
    "filter_sheet",
    "grad_cam",
    "overlay",
    "predict",
]
