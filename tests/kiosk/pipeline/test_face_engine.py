from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn.errors import EdgecnnError, FaceError, GalleryError, InputError, LockedError
from edgecnn_device.kiosk.pipeline.people import decode_picture
from edgecnn_device.kiosk.ports import FaceAnswer

EMPTY = np.full((320, 320, 3), 90, np.uint8)


@pytest.fixture
def kiosk(start: Callable[..., Any], face_bundles: Any) -> Callable[..., Any]:
    """Starts a kiosk that looks at faces alone; five good frames, three of which agree."""

    def started(**faces: Any) -> Any:
        return start(notes={"enabled": False}, faces={**face_bundles.section, **faces})

    return started


def _png(picture: Any) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


def _enrol(running: Any, face_bundles: Any, **people: int) -> None:
    for name, person in people.items():
        data = _png(face_bundles.stand(person))
        assert running.engine.people.enrol(name, [("1.png", data)]).pictures == 1


def _ask(running: Any, picture: Any, ask: Callable[[], FaceAnswer]) -> FaceAnswer:
    """Ask, and show a picture until there is an answer."""
    found: list[Any] = []

    def wait() -> None:
        try:
            found.append(ask())
        except EdgecnnError as error:
            found.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        running.slots["desk"].show(picture)
        thread.join(0.02)
    if isinstance(found[0], EdgecnnError):
        raise found[0]
    assert isinstance(found[0], FaceAnswer)
    return found[0]


def test_a_claim_is_decided_and_is_an_event(kiosk: Callable[..., Any], face_bundles: Any) -> None:
    running = kiosk()
    people = running.engine.people
    _enrol(running, face_bundles, ann=0, bob=1)
    yes = _ask(running, face_bundles.stand(0), lambda: people.verify("ann", "desk", 30))
    no = _ask(running, face_bundles.stand(1), lambda: people.verify("ann", "desk", 30))
    assert (yes.person, yes.match, yes.reason) == ("ann", True, "")
    assert (no.person, no.match, no.reason) == (None, False, "not alike enough")
    assert yes.fmr == pytest.approx(0.01 * 5 / 3)
    told = [(f.person, f.claimed) for f in running.kept.wait_for("face", 2)]
    assert told == [("ann", "ann"), (None, "ann")]


def test_who_stands_there_is_told(kiosk: Callable[..., Any], face_bundles: Any) -> None:
    running = kiosk()
    people = running.engine.people
    ask = lambda: people.identify("desk", 30)  # noqa: E731
    assert _ask(running, face_bundles.stand(0), ask).reason == "nobody is enrolled"
    _enrol(running, face_bundles, ann=0, bob=1)
    assert _ask(running, face_bundles.stand(1), ask).person == "bob"
    assert _ask(running, face_bundles.stand(2), ask).person is None


@pytest.mark.parametrize(
    ("people", "eyes", "reason"),
    [((0,), 10.0, "too small: 10 pixels"), ((0, 1), 40.0, "2 faces found"), ((), 40.0, "no face")],
)
def test_what_a_picture_lacks_is_said_and_no_attempt(
    kiosk: Callable[..., Any], face_bundles: Any, people: tuple[int, ...], eyes: float, reason: str
) -> None:
    running = kiosk()
    _enrol(running, face_bundles, ann=0)
    picture = face_bundles.stand(*people, eyes=eyes)
    for _ in range(7):
        found = _ask(running, picture, lambda: running.engine.people.verify("ann", "desk", 0.3))
        assert reason in found.reason and not found.match


def test_a_presentation_is_one_attempt_and_the_sixth_waits(
    kiosk: Callable[..., Any], face_bundles: Any
) -> None:
    running = kiosk()
    people = running.engine.people
    _enrol(running, face_bundles, ann=0)
    stranger = face_bundles.stand(2)
    for _ in range(5):
        assert not _ask(running, stranger, lambda: people.verify("ann", "desk", 30)).match
    with pytest.raises(LockedError, match="wait"):
        _ask(running, face_bundles.stand(0), lambda: people.verify("ann", "desk", 30))
    people.unlock("ann")
    people.unlock(None)
    found = _ask(running, face_bundles.stand(0), lambda: people.verify("ann", "desk", 30))
    assert found.match


def test_who_is_watched_is_told_once_while_in_view(
    kiosk: Callable[..., Any], face_bundles: Any
) -> None:
    running = kiosk(watch=True)
    _enrol(running, face_bundles, ann=0)
    picture = face_bundles.stand(0)
    seen = [running.show(picture).faces for _ in range(12)]
    assert [len(faces) for faces in seen] == [1] * 12
    assert [faces[0].person for faces in seen] == [None] * 4 + ["ann"] * 8
    (face,) = running.kept.wait_for("face")
    assert (face.person, face.claimed) == ("ann", None)
    assert len(running.kept.of("face")) == 1
    (one,) = running.engine._worker.stages.faces._views["desk"].people.values()
    assert one.looks == []  # no vector outlives the decision


def test_one_person_is_one_face_of_a_frame(kiosk: Callable[..., Any], face_bundles: Any) -> None:
    running = kiosk(watch=True)
    _enrol(running, face_bundles, ann=0)
    for picture in (face_bundles.stand(0, 0), face_bundles.stand(0, 0)):
        for _ in range(5):
            last = running.show(picture)
    assert sorted(str(face.person) for face in last.faces) == ["None", "ann"]


def test_a_stranger_who_left_undecided_was_there(
    kiosk: Callable[..., Any], face_bundles: Any
) -> None:
    running = kiosk(watch=True)
    small = face_bundles.stand(0, eyes=10)
    for _ in range(3):
        running.show(small)
    face_bundles.stand()
    for _ in range(7):
        running.show(EMPTY)
    (face,) = running.kept.wait_for("face")
    assert face.person is None and "too small" in face.reason
    (rejected,) = running.engine._rejections.all()
    assert dict(rejected.facts)["eye_distance_px"] == pytest.approx(10, abs=0.1)


def test_nobody_is_looked_at_whom_nobody_asked_for(
    kiosk: Callable[..., Any], face_bundles: Any
) -> None:
    running = kiosk()
    assert running.show(face_bundles.stand(0)).faces == ()
    assert 'hop="face"} 0.0' in running.engine.metrics.text().decode()


def test_people_are_enrolled_listed_exported_and_deleted(
    kiosk: Callable[..., Any], face_bundles: Any
) -> None:
    people = (running := kiosk()).engine.people
    pictures = [("1.png", _png(face_bundles.stand(0))), ("note.txt", b"hello"),
                ("half.png", _png(face_bundles.stand(0))[:50])]  # fmt: skip
    found = people.enrol("ann", pictures)
    assert (found.person, found.pictures) == ("ann", 1)
    assert [name for name, _ in found.rejected] == ["note.txt", "half.png"]
    assert [(p.person, p.pictures, p.usable) for p in people.list()] == [("ann", 1, True)]
    assert b'"person": "ann"' in people.export("ann")
    assert [people.delete("ann"), people.delete("ann"), list(people.list())] == [True, False, []]
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        people.verify("ann", "desk", 1)
    assert running.kept.of("face") == []


def test_a_face_before_the_camera_is_enrolled(
    kiosk: Callable[..., Any], face_bundles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_device.kiosk.pipeline.people._ENROL_S", 0.3)
    running = kiosk()
    people = running.engine.people
    nobody = people.enrol_live("ann", "desk")
    assert nobody.pictures == 0 and "no picture came" in nobody.rejected[0][1]
    picture, found = face_bundles.stand(3), []
    monkeypatch.setattr("edgecnn_device.kiosk.pipeline.people._ENROL_S", 30.0)
    thread = threading.Thread(target=lambda: found.append(people.enrol_live("ann", "desk")))
    thread.start()
    while thread.is_alive():
        running.slots["desk"].show(picture)
        thread.join(0.02)
    assert (found[0].pictures, found[0].rejected) == (1, ())


def test_requests_beyond_bounds_are_refused(kiosk: Callable[..., Any]) -> None:
    people = kiosk().engine.people
    with pytest.raises(InputError, match="no camera 'door'"):
        people.identify("door", 1)
    with pytest.raises(InputError, match="timeout"):
        people.identify("desk", 0)
    with pytest.raises(GalleryError, match="1 to 20 pictures"):
        people.enrol("ann", [])
    with pytest.raises(GalleryError, match="printable"):
        people.enrol("\0", [("a", b"")])


def test_one_request_at_a_time_stands_at_a_camera(kiosk: Callable[..., Any]) -> None:
    people = kiosk().engine.people
    first = threading.Thread(target=lambda: people.identify("desk", 1.0))
    first.start()
    try:
        with pytest.raises(GalleryError, match="somebody stands at desk"):
            for _ in range(20):
                people.identify("desk", 0.05)
    finally:
        first.join()


@pytest.mark.parametrize("side", [8_000, 20_000])
def test_a_picture_bomb_is_refused_before_it_is_opened(side: int) -> None:
    data = bytearray(_png(np.zeros((8, 8, 3), np.uint8)))
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    with pytest.raises(FaceError, match="too large"):
        decode_picture(bytes(data))


def test_the_gallery_of_another_key_stops_the_start(
    kiosk: Callable[..., Any], face_bundles: Any, tmp_path: Any
) -> None:
    with pytest.raises(GalleryError, match="cannot read a master key"):
        kiosk(key_file=tmp_path / "none.key")
