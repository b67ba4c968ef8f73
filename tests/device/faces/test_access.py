from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import GalleryError, InputError, LockedError
from edgecnn_device.faces import FaceChain
from edgecnn_device.faces.access import FaceAccess
from edgecnn_device.gallery import Gallery, create_master_key

LEFT, RIGHT = (90.0, 140.0, 40.0), (230.0, 140.0, 40.0)
Draw = Callable[[int], NDArray[np.uint8]]


@pytest.fixture
def draw(sees: Any, draw_faces: Callable[..., NDArray[np.uint8]]) -> Draw:
    """Draws one person, or several side by side."""

    def drawn(*people: int) -> NDArray[np.uint8]:
        places = (LEFT, RIGHT)[: len(people)]
        sees.faces = [LEFT, RIGHT]
        return draw_faces(320, 320, *places, people=people)

    return drawn


@pytest.fixture
def gallery(tmp_path: Path, chain: FaceChain) -> Iterator[Gallery]:
    create_master_key(tmp_path / "master.key")
    files = (tmp_path / "g.db", tmp_path / "k.db", tmp_path / "master.key")
    with Gallery.open(*files, chain.embedder.identity, create=True) as opened:
        yield opened


@pytest.fixture
def access(chain: FaceChain, gallery: Gallery, draw: Draw) -> FaceAccess:
    """Two people are enrolled."""
    found = FaceAccess(chain, gallery)
    found.enrol("ann", {"1.png": draw(0)})
    found.enrol("bob", {"1.png": draw(1)})
    return found


def test_pictures_that_will_not_do_are_told_and_the_rest_is_enrolled(
    chain: FaceChain, gallery: Gallery, draw: Any
) -> None:
    nobody = np.zeros((50, 50, 3), np.uint8)
    found = FaceAccess(chain, gallery).enrol(
        "ann", {"1.png": draw(0), "2.png": nobody, "3.png": draw(0, 1), "4.png": draw(0)}
    )
    assert (found.person, found.pictures) == ("ann", 2)
    assert found.rejected.keys() == {"2.png", "3.png"}
    assert "no face" in found.rejected["2.png"]
    assert "2 faces" in found.rejected["3.png"]
    none = FaceAccess(chain, gallery).enrol("bob", {"2.png": nobody})
    assert (none.pictures, [p.name for p in gallery.people()]) == (0, ["ann"])


def test_a_claim_is_decided(access: FaceAccess, draw: Any) -> None:
    assert access.verify("ann", draw(0)).match
    assert not access.verify("ann", draw(1)).match
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        access.verify("cid", draw(0))
    with pytest.raises(InputError, match=r"ends at 0\.001"):
        FaceAccess(access._chain, access._gallery, fmr=1e-5).verify("ann", draw(0))


def test_who_is_on_a_picture_is_told_or_nobody(access: FaceAccess, draw: Any) -> None:
    assert access.identify(draw(0)).identity.person == "ann"
    stranger = access.identify(draw(2))
    assert (stranger.identity.person, len(stranger.faces)) == (None, 1)
    assert "nobody is alike enough" in stranger.identity.reason
    empty = access.identify(np.zeros((9, 9, 3), np.uint8))
    assert (empty.identity.person, empty.faces) == (None, ())


def test_one_person_is_not_two_faces_of_a_picture(access: FaceAccess, draw: Any) -> None:
    both = access.identify(draw(0, 1))
    assert {one.identity.person for one in both.faces} == {"ann", "bob"}
    assert both.identity.person is None  # two in front: it is not clear who is meant
    twice = access.identify(draw(0, 0))
    assert sorted(str(one.identity.person) for one in twice.faces) == ["None", "ann"]


def test_after_five_failures_one_waits_but_a_picture_without_a_face_is_none(
    access: FaceAccess, draw: Any
) -> None:
    nobody = np.zeros((50, 50, 3), np.uint8)
    for _ in range(7):
        assert "no face" in access.verify("ann", nobody).reason
    for _ in range(5):
        assert not access.verify("ann", draw(1)).match
    with pytest.raises(LockedError, match="wait"):
        access.verify("ann", draw(0))
    with pytest.raises(LockedError, match="wait"):
        access.identify(draw(0))  # the same terminal


def test_a_success_ends_the_counting(access: FaceAccess, draw: Any) -> None:
    for _ in range(3):
        for _ in range(4):
            access.verify("ann", draw(1))
        assert access.verify("ann", draw(0)).match
