from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import VectorDecode
from edgecnn.errors import BundleError, DataError, FaceError, InputError
from edgecnn_device import Runner
from edgecnn_device.faces import FaceChain, FaceEmbedder, FaceFinder, FoundFace
from edgecnn_device.faces.align import TEMPLATE
from edgecnn_device.faces.quality import judge

Draw = Callable[..., NDArray[np.uint8]]
FACE = (150.0, 140.0, 40.0)


def test_a_face_is_found_aligned_judged_and_embedded(
    chain: FaceChain, sees: Any, draw_faces: Draw
) -> None:
    sees.faces = [FACE]
    (face,) = chain.faces(draw_faces(320, 320, FACE))
    assert np.allclose(face.points, (TEMPLATE - 56) / 35.24 * 40 + (150, 140), atol=0.01)
    assert face.score == pytest.approx(0.9)
    assert face.turn == 0
    assert face.quality.eye_distance == pytest.approx(40, abs=0.1)
    assert face.quality.good
    assert np.linalg.norm(face.vector) == pytest.approx(1)
    assert chain.the_face(draw_faces(320, 320, FACE)).vector.tolist() == face.vector.tolist()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((1, 1, 3), np.uint8), np.zeros((1, 500), np.uint8), np.zeros((40, 30, 3), np.uint8)],
)
def test_a_picture_without_a_face_gives_none_and_says_so(
    chain: FaceChain, sees: Any, picture: NDArray[np.uint8]
) -> None:
    sees.faces = [FACE]
    assert chain.faces(picture) == ()
    with pytest.raises(FaceError, match="no face found"):
        chain.the_face(picture)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3), np.float32)],
)
def test_what_is_no_picture_is_refused(chain: FaceChain, picture: Any) -> None:
    with pytest.raises(DataError, match="expected a picture"):
        chain.faces(picture)


@pytest.mark.parametrize(("turn", "code"), [(90, 2), (180, 1), (270, 0)])
def test_a_photograph_on_its_side_is_turned_and_says_so(
    chain: FaceChain, sees: Any, draw_faces: Draw, turn: int, code: int
) -> None:
    """OpenCV's codes 0, 1, 2 turn by 90, 180, 270 degrees clockwise: the way that is undone."""
    sees.faces = [FACE]
    upright = draw_faces(320, 240, FACE)
    (wanted,) = chain.faces(upright)
    lying = np.asarray(cv2.rotate(upright, code), np.uint8)
    (found,) = chain.faces(lying)
    assert found.turn == turn
    assert np.allclose(found.vector, wanted.vector, atol=0.01)
    x1, y1, x2, y2 = found.box
    assert (x1 < found.points[:, 0]).all()
    assert (found.points[:, 1] < y2).all()
    assert lying[int((y1 + y2) / 2), int((x1 + x2) / 2)].mean() > 80
    for x, y in found.points.round().astype(int):
        assert lying[y, x].mean() == 90  # the point lies on what was drawn there


def test_of_several_ways_up_the_surest_is_taken(
    yunet: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector finds a face on its side, too, with points that are all wrong."""
    finder = FaceFinder(yunet)
    points = np.zeros((5, 2), np.float32)
    scores = iter((0.85, 0.7, 0.95, 0.6))
    looks: list[float] = []

    def look(picture: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        looks.append(next(scores))
        return (FoundFace((0, 0, 9, 9), looks[-1], points),)

    monkeypatch.setattr(finder, "_look", look)
    (found,) = finder(np.zeros((20, 30, 3), np.uint8))
    assert (found.turn, found.score, len(looks)) == (180, 0.95, 4)
    scores = iter((0.93,))
    assert finder(np.zeros((20, 30, 3), np.uint8))[0].turn == 0  # sure: nothing else is tried


def test_without_turns_a_lying_face_is_not_found(
    yunet: Runner, sees: Any, draw_faces: Draw
) -> None:
    sees.faces = [FACE]
    lying = np.asarray(cv2.rotate(draw_faces(320, 320, FACE), 0), np.uint8)
    assert FaceFinder(yunet, sure=0)(lying) == ()


def test_a_face_cut_by_the_edge_is_given_and_not_good(
    chain: FaceChain, sees: Any, draw_faces: Draw
) -> None:
    cut = (300.0, 140.0, 40.0)
    sees.faces = [cut]
    (face,) = chain.faces(draw_faces(320, 320, cut))
    assert face.box[2] <= 320
    assert 0.3 < face.quality.inside < 0.8
    with pytest.raises(FaceError, match="cut by the edge"):
        chain.the_face(draw_faces(320, 320, cut))


def test_of_two_faces_the_one_in_front_is_meant_or_none(
    chain: FaceChain, sees: Any, draw_faces: Draw
) -> None:
    near, far, farther = (100.0, 140.0, 44.0), (250.0, 140.0, 30.0), (250.0, 140.0, 20.0)
    sees.faces = [near, far]
    assert len(chain.faces(draw_faces(320, 320, near, far))) == 2
    with pytest.raises(FaceError, match="2 faces found"):
        chain.the_face(draw_faces(320, 320, near, far))
    sees.faces = [farther, near]
    found = chain.the_face(draw_faces(320, 320, near, farther))
    assert found.quality.eye_distance == pytest.approx(44, abs=0.1)


def test_a_reason_says_what_is_wrong(chain: FaceChain, sees: Any, draw_faces: Draw) -> None:
    small = (150.0, 140.0, 12.0)
    sees.faces = [small]
    with pytest.raises(FaceError, match="too small: 12 pixels between the eyes, 16 needed"):
        chain.the_face(draw_faces(320, 320, small))
    found = FoundFace((0, 0, 112, 112), 0.9, TEMPLATE)
    flat = np.full((112, 112, 3), 128, np.uint8)
    assert judge(found, flat, (112, 112)).reasons == ("blurred: hold still, or clean the lens",)
    aside = TEMPLATE + np.array(((0, 0), (0, 0), (25, 0), (0, 0), (0, 0)), np.float32)
    turned = judge(FoundFace(found.box, 0.9, aside), flat, (112, 112))
    assert turned.yaw > 40
    assert any("to the side" in reason for reason in turned.reasons)


def test_bundles_of_another_kind_are_refused(yunet: Runner, embedder: Runner) -> None:
    with pytest.raises(BundleError, match=r"expected a detector.*--detector"):
        FaceFinder(embedder)
    with pytest.raises(BundleError, match=r"expected an embedder.*--bundle"):
        FaceEmbedder(yunet)


def test_without_a_curve_nothing_is_decided(embedder: Runner) -> None:
    bare = embedder.with_decode(VectorDecode(size=4))
    with pytest.raises(InputError, match="edgecnn faces curve"):
        _ = FaceEmbedder(bare).curve
    assert FaceEmbedder(embedder).curve.people == 80


def test_the_identity_changes_with_the_file_and_with_the_preprocessing(embedder: Runner) -> None:
    first = FaceEmbedder(embedder).identity
    spec = embedder.manifest.input.model_copy(update={"mean": (1.0, 0.0, 0.0)})
    other = Runner(embedder.manifest.model_copy(update={"input": spec}), embedder.variant,
                   embedder.backend)  # fmt: skip
    second = FaceEmbedder(other).identity
    assert first.sha256 == second.sha256 == embedder.variant.sha256
    assert first.preprocessing != second.preprocessing
    assert first.size == 4


def test_a_vector_that_is_not_finite_is_refused(
    embedder: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (np.full((1, 4), np.nan, np.float32),)
    monkeypatch.setattr(embedder, "infer", lambda inputs: broken)
    with pytest.raises(BundleError, match="finite"):
        FaceEmbedder(embedder)(np.zeros((112, 112, 3), np.uint8))
