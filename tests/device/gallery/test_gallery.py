"""Enrolling, comparing, listing, exporting and the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import GalleryError
from edgecnn_device.gallery import Gallery, ModelIdentity, change_master_key, create_master_key

Draw = Callable[..., NDArray[np.float32]]
Sql = Callable[..., None]


def test_who_was_enrolled_is_found_first(gallery: Gallery, vectors: Draw) -> None:
    assert gallery.enrol("ann", vectors(1, 3)) == 3
    assert gallery.enrol("bob", 5 * vectors(2)) == 1
    [[best, second]] = gallery.best(vectors(1, 3)[2])
    assert (best.person, second.person) == ("ann", "bob")
    assert best.score == pytest.approx(1, abs=1e-6)
    assert second.score == pytest.approx(float((vectors(1, 3)[2] @ vectors(2).T)[0]), abs=1e-6)


def test_what_is_enrolled_is_there_after_opening_anew(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1, 2))
        gallery.enrol("bob", vectors(2))
        assert gallery.enrol("ann", vectors(3)) == 3
    with place.open() as gallery:
        assert [(p.name, p.templates) for p in gallery.people()] == [("ann", 3), ("bob", 1)]
        assert gallery.people()[0].model == place.identity
        np.testing.assert_allclose(gallery.export("ann").vectors[:2], vectors(1, 2), atol=1e-6)
        assert gallery.best(vectors(3))[0][0].person == "ann"


def test_every_template_of_a_person_is_scored(gallery: Gallery, vectors: Draw) -> None:
    gallery.enrol("ann", vectors(1, 4))
    gallery.enrol("bob", vectors(2, 3))
    scores = gallery.person_scores("ann", vectors(1, 4)[0])
    np.testing.assert_allclose(sorted(scores), sorted(vectors(1, 4) @ vectors(1, 4)[0]), atol=1e-6)


@pytest.mark.parametrize("ask", ["person_scores", "delete", "export", "audit"])
def test_nobody_by_that_name_is_said(gallery: Gallery, vectors: Draw, ask: str) -> None:
    extra = (vectors(1),) if ask == "person_scores" else ()
    with pytest.raises(GalleryError, match="nobody is enrolled as 'carl'"):
        getattr(gallery, ask)("carl", *extra)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros((1, 16)), "all zeros"),
        (np.full((1, 16), np.nan), "not finite"),
        (np.full((1, 16), np.inf), "not finite"),
        (np.ones((1, 15)), r"\(N, 16\) were expected, but \(1, 15\)"),
        (np.ones((0, 16)), r"\(0, 16\)"),
        (np.ones((1, 2, 16)), r"\(1, 2, 16\)"),
    ],
)
def test_a_vector_that_cannot_be_is_refused(
    gallery: Gallery, vectors: Draw, bad: NDArray[np.float32], said: str
) -> None:
    with pytest.raises(GalleryError, match=said):
        gallery.enrol("ann", bad)
    with pytest.raises(GalleryError, match=said):
        gallery.best(bad)
    assert gallery.people() == ()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "x" * 201, "\u202eann"])
def test_a_name_that_cannot_be_read_is_refused(gallery: Gallery, vectors: Draw, name: str) -> None:
    with pytest.raises(GalleryError, match="printable characters"):
        gallery.enrol(name, vectors(1))


def test_one_name_written_in_two_ways_is_one_person(gallery: Gallery, vectors: Draw) -> None:
    gallery.enrol("Zoe\u0308", vectors(1))
    assert gallery.enrol(" Zo\u00eb", vectors(2)) == 2


def test_neither_names_nor_vectors_stand_in_the_files(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("marguerite", vectors(1, 2))
        gallery.failures.attempt("marguerite")
        during = b"".join(place.files().values())
    for content in (during, b"".join(place.files().values())):
        assert b"marguerite" not in content
        assert vectors(1, 2)[1].tobytes()[:8] not in content


def test_a_copied_row_opens_for_nobody_else(place: Any, vectors: Draw, sql: Sql) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        gallery.enrol("bob", vectors(2))
    sql(place.gallery, "UPDATE templates SET sealed = (SELECT sealed FROM templates WHERE id = 1)")
    with place.open() as gallery:
        assert [(d.row, d.person) for d in gallery.damaged] == [(2, "bob")]


def test_the_templates_of_another_model_are_refused(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
    before = place.files()
    for other in (
        ModelIdentity("cd" * 32, "rgb-112", 16),
        ModelIdentity("ab" * 32, "bgr-112", 16),
        ModelIdentity("ab" * 32, "rgb-112", 32),
    ):
        with pytest.raises(GalleryError, match=r"of the model abababababab.*cannot be compared"):
            place.open(identity=other)
    assert place.files() == before


def test_without_a_model_people_are_listed_exported_and_deleted(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        gallery.enrol("bob", vectors(2))
    with Gallery.open(place.gallery, place.keystore, place.key, None) as gallery:
        np.testing.assert_allclose(gallery.export("bob").vectors, vectors(2), atol=1e-6)
        gallery.delete("ann")
        assert [p.name for p in gallery.people()] == ["bob"]
        with pytest.raises(GalleryError, match="without a model"):
            gallery.best(vectors(1))


def test_a_gallery_emptied_takes_another_model(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        gallery.delete("ann")
    other = ModelIdentity("cd" * 32, "rgb-112", 8)
    with place.open(identity=other) as gallery:
        assert gallery.enrol("ann", vectors(1, size=8)) == 1


def test_a_person_gets_all_that_is_kept_of_them(gallery: Gallery, vectors: Draw) -> None:
    gallery.enrol("ann", vectors(1, 2))
    gallery.enrol("bob", vectors(2, 2))
    export = gallery.export("ann")
    np.testing.assert_allclose(export.vectors, vectors(1, 2), atol=1e-6)
    assert len(export.enrolled) == 2 and export.enrolled[0].endswith("+00:00")
    assert [(a.actor, a.action, a.person) for a in export.audit] == [
        ("tester", "enrol", "ann"),
        ("tester", "export", "ann"),
    ]


def test_the_log_says_who_did_what(gallery: Gallery, vectors: Draw) -> None:
    gallery.enrol("ann", vectors(1))
    gallery.enrol("bob", vectors(2))
    gallery.record("verify", "bob")
    gallery.delete("ann")
    said = [(a.actor, a.action, a.person) for a in gallery.audit()]
    assert said == [
        ("tester", "create", None),
        ("tester", "enrol", "person 1"),
        ("tester", "enrol", "bob"),
        ("tester", "verify", "bob"),
        ("tester", "delete", "person 1"),
    ]


def test_another_master_key_takes_over(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        gallery.enrol("bob", vectors(2))
    old, new = place.key.read_bytes(), place.folder / "new.key"
    create_master_key(new)
    assert change_master_key(place.keystore, old, new.read_bytes()) == 2
    with pytest.raises(GalleryError, match="does not open this keystore"):
        place.open()
    place.key.write_bytes(new.read_bytes())
    with place.open() as gallery:
        assert gallery.best(vectors(2))[0][0].person == "bob"


def test_an_open_gallery_notices_another_master_key(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        change_master_key(place.keystore, place.key.read_bytes(), bytes(32))
        with pytest.raises(GalleryError, match="master key was changed"):
            gallery.enrol("ann", vectors(2))
        with pytest.raises(GalleryError, match="master key was changed"):
            gallery.enrol("bob", vectors(2))
