"""Faces: from a picture to vectors, and from vectors to who it is, at a stated rate of errors.

chain = FaceChain.open(Path("face-detector.edge"), Path("face-embedder.edge"))
face = chain.the_face(picture)  # (H, W, 3) BGR
"""

from edgecnn_device.faces.chain import FaceChain, main_face
from edgecnn_device.faces.embedder import FaceEmbedder
from edgecnn_device.faces.finder import FaceFinder
from edgecnn_device.faces.points import PointRefiner
from edgecnn_device.faces.quality import QualityRules
from edgecnn_device.faces.results import POINTS, AlignedFace, Face, FoundFace, Quality
from edgecnn_device.faces.yunet import YunetRules

__all__ = [
    "POINTS",
    "AlignedFace",
    "Face",
    "FaceChain",
    "FaceEmbedder",
    "FaceFinder",
    "FoundFace",
    "PointRefiner",
    "Quality",
    "QualityRules",
    "YunetRules",
    "main_face",
]
