from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgecnn.bundle import Manifest, read_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN, MANIFEST
from edgecnn.bundle.read import Golden
from edgecnn.bundle.write import pack_golden
from edgecnn.errors import BundleError

PLACE = st.integers(-(2**14), 2**14)
DAMAGE = st.one_of(
    st.tuples(st.just("flip"), PLACE, st.binary(min_size=1, max_size=4)),
    st.tuples(st.just("cut"), PLACE, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("insert"), PLACE, st.binary(min_size=1, max_size=40)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
often = settings(max_examples=150, deadline=None, database=None)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "fuzzed.edge"


def _damaged(raw: bytes, damages: list[tuple[str, int, bytes]]) -> bytes:
    """Flip bits, cut as many bytes as are given, or insert them."""
    for kind, place, data in damages:
        start = place % max(1, len(raw))
        stop = start if kind == "insert" else start + len(data)
        old = raw[start:stop]
        new = bytes(a ^ b for a, b in zip(old, data, strict=False)) if kind == "flip" else data
        raw = raw[:start] + (b"" if kind == "cut" else new) + raw[stop:]
    return raw


@often
@given(st.lists(DAMAGE, min_size=1, max_size=3))
@example([("insert", 0, b"in front")])
@example([("flip", -1, b"\x01")])
def test_damage_is_refused_or_changes_nothing(
    scratch: Path, bundle_bytes: bytes, manifest: Manifest, members: Mapping[str, bytes],
    damages: list[tuple[str, int, bytes]],
) -> None:  # fmt: skip
    scratch.write_bytes(_damaged(bundle_bytes, damages))
    try:
        bundle = read_bundle(scratch)
        models = {v.file: bundle.model(v) for v in bundle.manifest.variants}
        golden, card = bundle.golden(), bundle.card()
    except BundleError:
        return
    assert bundle.manifest == manifest
    assert {**models, GOLDEN: pack_golden(golden), CARD: card.encode()} == members


@settings(often, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_json_in_the_manifest_is_refused_or_fits(
    pack: Callable[[Iterable[tuple[str, bytes]]], Path],
    parts: dict[str, bytes],
    data: st.DataObject,
) -> None:
    content: Any = json.loads(parts[MANIFEST])
    variants = content["variants"]
    places = [content, content["input"], content["decode"], variants[0], variants[1]["metric"]]
    inner = data.draw(st.sampled_from(places))
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
    try:
        bundle = read_bundle(pack({**parts, MANIFEST: json.dumps(content).encode()}.items()))
    except BundleError:
        return
    assert isinstance(bundle.golden(), Golden)
