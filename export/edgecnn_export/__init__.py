"""The export half of edgecnn: torch to quantized ONNX and TFLite, with proof."""

from edgecnn_export.pipeline import Exported, ExportOptions, export_run

__all__ = ["ExportOptions", "Exported", "export_run"]
