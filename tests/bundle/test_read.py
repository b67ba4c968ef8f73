from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray

from edgecnn.bundle import Manifest, read, read_bundle, write_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN, MANIFEST, SIGNATURE
from edgecnn.bundle.read import Golden
from edgecnn.bundle.sign import sign
from edgecnn.bundle.write import pack_golden
from edgecnn.errors import BundleError
from edgecnn.vision.serials import GLYPHS

Parts = dict[str, bytes]
Pack = Callable[[Iterable[tuple[str, bytes]]], Path]


def _refusal(path: Path, *trusted: Ed25519PublicKey) -> str:
    """Return why the bundle is refused: one line that starts with its path."""
    with pytest.raises(BundleError) as caught:
        read_bundle(path, trusted)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message.removeprefix(f"{path}: ")


def _edited(parts: Parts, **changes: Any) -> list[tuple[str, bytes]]:
    """Change keys of the manifest; None takes the key out."""
    content = json.loads(parts[MANIFEST]) | changes
    kept = {key: value for key, value in content.items() if value is not None or key not in changes}
    return list({**parts, MANIFEST: json.dumps(kept).encode()}.items())


def _sealed(parts: Parts, name: str, data: bytes) -> list[tuple[str, bytes]]:
    """Exchange golden.npz or card.md, and state its hash."""
    field = {GOLDEN: "golden_sha256", CARD: "card_sha256"}[name]
    return _edited({**parts, name: data}, **{field: hashlib.sha256(data).hexdigest()})


def test_a_valid_bundle_is_read_whole(
    bundle_path: Path, manifest: Manifest, members: Mapping[str, bytes], golden: Golden
) -> None:
    bundle = read_bundle(bundle_path)
    assert (bundle.manifest, bundle.signed, bundle.path) == (manifest, False, bundle_path)
    assert bundle.manifest_sha256 == hashlib.sha256(manifest.to_json()).hexdigest()
    assert [bundle.model(v) for v in manifest.variants] == [
        members["tiny.onnx"], members["tiny.tflite"]
    ]  # fmt: skip
    assert bundle.card().encode() == members[CARD]
    found = bundle.golden()
    assert all(np.array_equal(a, b) for a, b in zip(found.pictures, golden.pictures, strict=True))
    for (file, output), (wanted, reference) in zip(found.outputs, golden.outputs, strict=True):
        assert file == wanted and np.array_equal(output, reference)


def test_variants_are_found_by_name(bundle_path: Path) -> None:
    bundle = read_bundle(bundle_path)
    assert bundle.variant("tflite-int8").file == "tiny.tflite"
    with pytest.raises(BundleError, match="expected one of onnx-fp32, tflite-int8"):
        bundle.variant("onnx-int8")


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no such bundle" in _refusal(tmp_path / "none.edge")


def test_a_folder(tmp_path: Path) -> None:
    assert "got a folder" in _refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"hello", b"\x00" * 4096, b"PK\x05\x06" * 50],
    ids=["empty", "short", "text", "zeros", "ends"],
)
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.edge"
    path.write_bytes(content)
    assert _refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.9, 0.99])
def test_cut_short(bundle_path: Path, share: float) -> None:
    whole = bundle_path.read_bytes()
    bundle_path.write_bytes(whole[: int(len(whole) * share)])
    assert "cut short" in (message := _refusal(bundle_path)) or "is missing" in message


@pytest.mark.parametrize("lost", [1, 2, 21, 22, 23, 60])
def test_cut_at_the_end(bundle_path: Path, lost: int) -> None:
    """What is left may end in a whole zip of its own: golden.npz."""
    bundle_path.write_bytes(bundle_path.read_bytes()[:-lost])
    assert "cut short" in (message := _refusal(bundle_path)) or "is missing" in message


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.tflite", GOLDEN, CARD])
def test_a_member_with_another_hash(parts: Parts, pack: Pack, name: str) -> None:
    changed = bytes([parts[name][0] ^ 1]) + parts[name][1:]
    message = _refusal(pack({**parts, name: changed}.items()))
    assert message == f"{name} does not have the hash the manifest states"


@pytest.mark.parametrize("version", [0, 2, "1", [1], None])
def test_another_schema_version(parts: Parts, pack: Pack, version: object) -> None:
    message = _refusal(pack(_edited(parts, schema_version=version)))
    assert f"schema version {version!r}, this edgecnn reads 1" in message


@pytest.mark.parametrize("version", [True, 1.0])
def test_a_schema_version_that_only_equals_ours(parts: Parts, pack: Pack, version: object) -> None:
    assert "schema version" in _refusal(pack(_edited(parts, schema_version=version)))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"\x80"],
    ids=["empty", "open", "bom", "deep", "latin"],
)
def test_a_manifest_that_is_not_json(parts: Parts, pack: Pack, raw: bytes) -> None:
    assert "manifest.json is not JSON" in _refusal(pack({**parts, MANIFEST: raw}.items()))


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"schema_version"', b"{}"])
def test_a_manifest_that_is_something_else(parts: Parts, pack: Pack, raw: bytes) -> None:
    assert "schema version None" in _refusal(pack({**parts, MANIFEST: raw}.items()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"licence": None}, "licence: Field required"),
        ({"task": "write"}, "task: "),
        ({"name": "Ä"}, "name: "),
        ({"variants": []}, "variants: "),
        ({"golden_sha256": "0" * 63}, "golden_sha256: "),
        ({"input": {"width": 0}}, "input.width: "),
    ],
)
def test_a_manifest_that_breaks_the_schema(
    parts: Parts, pack: Pack, changes: dict[str, Any], words: str
) -> None:
    message = _refusal(pack(_edited(parts, **changes)))
    assert message.startswith("manifest.json: ") and words in message


@pytest.mark.parametrize(
    ("key", "value"),
    [("file", "../tiny.onnx"), ("file", "/tiny.onnx"), ("file", ".tiny"), ("bytes", 0),
     ("file", "tiny.tflite"), ("golden_bound", float("nan"))],
)  # fmt: skip
def test_a_variant_that_breaks_the_schema(
    parts: Parts, pack: Pack, key: str, value: object
) -> None:
    variants = json.loads(parts[MANIFEST])["variants"]
    variants[0][key] = value
    assert _refusal(pack(_edited(parts, variants=variants))).startswith("manifest.json: ")


@pytest.mark.parametrize("name", [MANIFEST, GOLDEN, CARD, SIGNATURE])
def test_a_variant_that_takes_a_name_of_the_bundle(parts: Parts, pack: Pack, name: str) -> None:
    variants = json.loads(parts[MANIFEST])["variants"]
    variants[0]["file"] = name
    assert "variants" in _refusal(pack(_edited(parts, variants=variants)))


def test_two_variants_of_one_name(parts: Parts, pack: Pack) -> None:
    variants = json.loads(parts[MANIFEST])["variants"]
    variants[1] |= {"format": "onnx", "precision": "fp32"}
    assert "same format and precision" in _refusal(pack(_edited(parts, variants=variants)))


@pytest.mark.parametrize(
    "changes",
    [{"currencies": []}, {"currencies": ["EUR"]}, {"charset": GLYPHS + "A"}],
)
def test_a_decode_section_that_no_decoder_can_follow(
    parts: Parts, pack: Pack, changes: dict[str, Any]
) -> None:
    decode = json.loads(parts[MANIFEST])["decode"] | changes
    assert "decode" in _refusal(pack(_edited(parts, decode=decode)))


@pytest.mark.parametrize("bytes_", [1, 15, 17, 1 << 40])
def test_a_variant_of_another_length(parts: Parts, pack: Pack, bytes_: int) -> None:
    variants = json.loads(parts[MANIFEST])["variants"]
    variants[0]["bytes"] = bytes_
    message = _refusal(pack(_edited(parts, variants=variants)))
    assert message == f"tiny.onnx is not {bytes_} bytes long"


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "..\\x", "C:\\x", "a/b", "folder/", ".hidden", "a\nb", "a\x1bb"]
)
def test_a_member_name_that_leaves_the_bundle(parts: Parts, pack: Pack, name: str) -> None:
    assert "leaves the bundle" in _refusal(pack([*parts.items(), (name, b"x")]))


@pytest.mark.parametrize("name", [MANIFEST, "tiny.onnx", CARD])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_in_it_twice(parts: Parts, pack: Pack, name: str) -> None:
    assert "twice" in _refusal(pack([*parts.items(), (name, parts[name])]))


@pytest.mark.parametrize("name", [MANIFEST, "tiny.onnx", GOLDEN, CARD])
def test_a_missing_member(parts: Parts, pack: Pack, name: str) -> None:
    del parts[name]
    assert f"{name} is missing" in _refusal(pack(parts.items()))


def test_a_surplus_member(parts: Parts, pack: Pack) -> None:
    message = _refusal(pack([*parts.items(), ("more.txt", b"")]))
    assert "more.txt is not in the manifest" in message


def test_too_many_members(parts: Parts, pack: Pack) -> None:
    extra = [(f"m{i}", b"") for i in range(read.MAX_MEMBERS)]
    assert "expected at most 64" in _refusal(pack([*parts.items(), *extra]))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_member(tmp_path: Path, parts: Parts, method: int) -> None:
    path = tmp_path / "x.edge"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data, method if name == "tiny.tflite" else zipfile.ZIP_STORED)
    assert "tiny.tflite is compressed" in _refusal(path)


def test_a_manifest_over_the_limit(parts: Parts, pack: Pack) -> None:
    raw = parts[MANIFEST] + b" " * read.MAX_MANIFEST_BYTES
    assert "manifest.json is over" in _refusal(pack({**parts, MANIFEST: raw}.items()))


def test_a_member_over_the_limit(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_MEMBER_BYTES", 255)
    assert "bytes: refused" in _refusal(bundle_path)


def _claims(path: Path, size: int, crc: int, *, held: bool, stated: bool) -> None:
    """Rewrite what the central directory says tiny.tflite holds, and inflates to."""
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = raw.index(b"tiny.tflite", archive.start_dir) - 46
    struct.pack_into("<I", raw, entry + 16, crc)
    for place in [20] * held + [24] * stated:
        struct.pack_into("<I", raw, entry + place, size)
    path.write_bytes(raw)


@pytest.mark.parametrize("size", [0, 1, 255, 257, 1 << 31, 0xFFFFFFFF])
@pytest.mark.parametrize(("held", "stated"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_directory_that_lies_about_a_size(
    bundle_path: Path, size: int, held: bool, stated: bool, fixed: bool
) -> None:
    data = bytes(range(256))
    crc = zlib.crc32(data[:size] if fixed else data)
    _claims(bundle_path, size, crc, held=held, stated=stated)
    assert "tiny.tflite" in _refusal(bundle_path)


@pytest.mark.parametrize("size", [0, 255, 257, 0xFFFFFFFF])
def test_a_local_header_that_lies_about_a_size(bundle_path: Path, size: int) -> None:
    """It is not what is read by: the contents are the same, or the bundle is refused."""
    raw = bytearray(bundle_path.read_bytes())
    struct.pack_into("<II", raw, raw.index(b"tiny.tflite\x00\x01\x02") - 12, size, size)
    bundle_path.write_bytes(raw)
    try:
        bundle = read_bundle(bundle_path)
    except BundleError:
        return
    assert bundle.model(bundle.manifest.variants[1]) == bytes(range(256))


def test_a_required_signature_that_is_missing(bundle_path: Path, key: Ed25519PrivateKey) -> None:
    assert "a signature is required" in _refusal(bundle_path, key.public_key())


def test_a_trusted_key_vouches(
    tmp_path: Path, manifest: Manifest, members: Mapping[str, bytes],
    key: Ed25519PrivateKey, stranger: Ed25519PrivateKey,
) -> None:  # fmt: skip
    path = tmp_path / "signed.edge"
    write_bundle(path, manifest, members, key=key)
    assert read_bundle(path, [stranger.public_key(), key.public_key()]).signed
    assert not read_bundle(path).signed
    assert "not signed by a trusted key" in _refusal(path, stranger.public_key())


@pytest.mark.parametrize("length", [0, 63, 64, 65])
def test_a_signature_that_is_none(
    parts: Parts, pack: Pack, key: Ed25519PrivateKey, length: int
) -> None:
    path = pack({**parts, SIGNATURE: bytes(length)}.items())
    assert "not signed by a trusted key" in _refusal(path, key.public_key())


def test_a_signature_of_another_manifest(parts: Parts, pack: Pack, key: Ed25519PrivateKey) -> None:
    signature = sign(parts[MANIFEST], key)
    path = pack([*_edited(parts, name="other"), (SIGNATURE, signature)])
    assert "not signed by a trusted key" in _refusal(path, key.public_key())


def _npy(header: str) -> bytes:
    padded = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


def _npz(method: int, **arrays: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def _spoilt(raw: bytes) -> bytes:
    """Break the compressed data of the first member."""
    start = 30 + raw[26]  # the header and the name
    return raw[:start] + b"\xff" * 8 + raw[start + 8 :]


def _shaped(shape: str) -> bytes:
    array = _npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}")
    return _npz(zipfile.ZIP_STORED, **{"picture-0": array})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        pack_golden(Golden((), ())),
        pack_golden(Golden((np.zeros((3, 4, 3), np.uint8),), ())),
        _shaped("(1, 1, 3)"),
    ],
    ids=["empty", "text", "no arrays", "no outputs", "cut"],
)
def test_golden_that_is_not_as_expected(parts: Parts, pack: Pack, data: bytes) -> None:
    path = pack(_sealed(parts, GOLDEN, data))
    with pytest.raises(BundleError, match=r"golden\.npz is not as expected"):
        read_bundle(path).golden()


@pytest.mark.parametrize(
    "data",
    [
        _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (0,)}"),
        _shaped(f"({1 << 60},)"),
        _shaped(f"({10**30},)"),
        _npz(zipfile.ZIP_STORED, **{"picture-0": _npy("{1: 2, 'a': 3}")}),
        _npz(zipfile.ZIP_STORED, **{"picture-0": _npy("{(((")}),
        _spoilt(_npz(zipfile.ZIP_DEFLATED, **{"picture-0": _npy("{}")})),
    ],
    ids=["npy", "huge", "past 64 bits", "odd keys", "open brackets", "deflated"],
)
def test_golden_that_breaks_numpy(parts: Parts, pack: Pack, data: bytes) -> None:
    path = pack(_sealed(parts, GOLDEN, data))
    with pytest.raises(BundleError, match=r"golden\.npz is not as expected"):
        read_bundle(path).golden()


@pytest.mark.parametrize(
    ("pictures", "outputs"),
    [
        ((), np.zeros((0, 5, 3), np.float32)),
        ((np.zeros((3, 4, 3), np.float64),), np.zeros((1, 5, 3), np.float32)),
        ((np.zeros((3, 4), np.uint8),), np.zeros((1, 5, 3), np.float32)),
        ((np.zeros((3, 4, 3), np.uint8),), np.zeros((2, 5, 3), np.float32)),
        ((np.zeros((3, 4, 3), np.uint8),), np.full((1, 5, 3), np.nan, np.float32)),
    ],
    ids=["no picture", "float picture", "grey picture", "outputs of another", "not finite"],
)
def test_golden_of_another_shape(
    parts: Parts, pack: Pack, pictures: Any, outputs: NDArray[np.float32]
) -> None:
    files = ("tiny.onnx", "tiny.tflite")
    data = pack_golden(Golden(pictures, tuple((file, outputs) for file in files)))
    with pytest.raises(BundleError, match=r"golden\.npz is not as expected"):
        read_bundle(pack(_sealed(parts, GOLDEN, data))).golden()


def test_a_card_that_is_no_text(parts: Parts, pack: Pack) -> None:
    with pytest.raises(BundleError, match="card"):
        read_bundle(pack(_sealed(parts, CARD, b"\xff\xfe"))).card()


def test_a_bundle_compressed_while_in_use(bundle_path: Path, parts: Parts) -> None:
    bundle = read_bundle(bundle_path)
    with zipfile.ZipFile(bundle_path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny.onnx", parts["tiny.onnx"] * 100)
    bundle_path.write_bytes(_spoilt(bundle_path.read_bytes()))
    with pytest.raises(BundleError):
        bundle.model(bundle.variant("onnx-fp32"))


def test_a_bundle_exchanged_while_in_use(bundle_path: Path, parts: Parts, pack: Pack) -> None:
    bundle = read_bundle(bundle_path)
    pack({**parts, "tiny.onnx": b"something else!!"}.items()).replace(bundle_path)
    with pytest.raises(BundleError, match=r"tiny\.onnx changed while it was in use"):
        bundle.model(bundle.variant("onnx-fp32"))
    bundle_path.unlink()
    with pytest.raises(BundleError, match="no such bundle"):
        bundle.card()
