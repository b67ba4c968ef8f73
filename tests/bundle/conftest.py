"""A valid tiny bundle, and what is needed to make invalid ones of it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgecnn.bundle import InputSpec, Manifest, Metric, Parity, ReadDecode, Variant, write_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN, MANIFEST, Format, Precision
from edgecnn.bundle.read import Golden
from edgecnn.bundle.write import pack_golden
from edgecnn.vision.serials import GLYPHS, GRAMMARS


def _variant(file: str, kind: Format, precision: Precision, data: bytes) -> Variant:
    return Variant(
        file=file, format=kind, precision=precision, scheme="none",
        sha256=hashlib.sha256(data).hexdigest(), bytes=len(data),
        metric=Metric(name="exact", value=0.9, samples=50, drop=0.1, drop_low=-1.0, drop_high=1.2),
        parity=Parity(samples=8, max_abs=0.1, reference_max=20.0, cosine=0.999, sqnr_db=40.0),
        golden_bound=0.5,
    )  # fmt: skip


@pytest.fixture(scope="session")
def golden() -> Golden:
    rng = np.random.default_rng(0)
    pictures = tuple(rng.integers(0, 256, (3, 4, 3), np.uint8) for _ in range(2))
    outputs = rng.standard_normal((2, 5, 3), np.float32)
    return Golden(pictures, (("tiny.onnx", outputs), ("tiny.tflite", outputs + 1)))


@pytest.fixture(scope="session")
def members(golden: Golden) -> Mapping[str, bytes]:
    """The files of the bundle but its manifest; the models are arbitrary bytes."""
    models = {"tiny.onnx": b"any bytes at all", "tiny.tflite": bytes(range(256))}
    card = "# tiny, a card for tests: 100 € · Ж\n".encode()
    return MappingProxyType({**models, GOLDEN: pack_golden(golden), CARD: card})


@pytest.fixture(scope="session")
def manifest(members: Mapping[str, bytes]) -> Manifest:
    return Manifest(
        name="tiny", task="read", architecture="none",
        input=InputSpec(width=4, height=3, mean=(0, 0, 0), std=(1, 1, 1)),
        decode=ReadDecode(charset=GLYPHS, currencies=tuple(GRAMMARS), min_confidence=0.5),
        variants=(
            _variant("tiny.onnx", "onnx", "fp32", members["tiny.onnx"]),
            _variant("tiny.tflite", "tflite", "int8", members["tiny.tflite"]),
        ),
        golden_sha256=hashlib.sha256(members[GOLDEN]).hexdigest(),
        card_sha256=hashlib.sha256(members[CARD]).hexdigest(),
        calibration=None, source_sha256="0" * 64, licence="Apache-2.0", provenance="made here",
    )  # fmt: skip


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(scope="session")
def stranger() -> Ed25519PrivateKey:
    """The key of somebody else."""
    return Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))


@pytest.fixture(scope="session")
def bundle_bytes(
    tmp_path_factory: pytest.TempPathFactory, manifest: Manifest, members: Mapping[str, bytes]
) -> bytes:
    path = tmp_path_factory.mktemp("bundle") / "tiny.edge"
    write_bundle(path, manifest, members)
    return path.read_bytes()


@pytest.fixture
def bundle_path(tmp_path: Path, bundle_bytes: bytes) -> Path:
    path = tmp_path / "tiny.edge"
    path.write_bytes(bundle_bytes)
    return path


@pytest.fixture
def parts(manifest: Manifest, members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every member of the valid bundle, to be changed and packed again."""
    return {MANIFEST: manifest.to_json(), **members}


@pytest.fixture
def pack(tmp_path: Path) -> Callable[[Iterable[tuple[str, bytes]]], Path]:
    """Zips members as they are given, right or wrong."""

    def packed(items: Iterable[tuple[str, bytes]]) -> Path:
        path = tmp_path / "odd.edge"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in items:
                archive.writestr(zipfile.ZipInfo(name), data)
        return path

    return packed
