"""The export half of edgecnn: a float network to quantized ONNX and TFLite, with proof."""

from edgecnn_export.options import ExportOptions
from edgecnn_export.pipeline import export
from edgecnn_export.result import Exported

__all__ = ["ExportOptions", "Exported", "export"]
