"""Frames in, events out: one worker detects, tracks, reads, looks at faces and lets frames vote.

models = open_models(config)
engine = Engine(config, models, {name: capture.slot ...}, store.add)
engine.start()
"""

from edgecnn_device.kiosk.pipeline.engine import Engine, Progress
from edgecnn_device.kiosk.pipeline.intake import FrameSlot
from edgecnn_device.kiosk.pipeline.metrics import Metrics
from edgecnn_device.kiosk.pipeline.models import Models, open_models

__all__ = ["Engine", "FrameSlot", "Metrics", "Models", "Progress", "open_models"]
