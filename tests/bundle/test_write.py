from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgecnn.bundle import Manifest, read_bundle, write_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN, MANIFEST, SIGNATURE
from edgecnn.bundle.read import Golden
from edgecnn.bundle.sign import (
    check_signature,
    generate_key_pair,
    load_private_key,
    load_public_key,
    sign,
)
from edgecnn.bundle.write import pack_golden
from edgecnn.errors import BundleError, InputError

Members = Mapping[str, bytes]

ELSEWHERE = """
import sys
from pathlib import Path
from edgecnn.bundle import Manifest, write_bundle
folder = Path(sys.argv[1])
manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
names = {p.name for p in folder.iterdir()} - {"manifest.json"}
write_bundle(Path(sys.argv[2]), manifest, {n: (folder / n).read_bytes() for n in names})
"""


def test_equal_contents_give_equal_bytes(
    tmp_path: Path, manifest: Manifest, members: Members, bundle_bytes: bytes
) -> None:
    turned = dict(reversed(list(members.items())))
    write_bundle(tmp_path / "again.edge", manifest, turned)
    assert (tmp_path / "again.edge").read_bytes() == bundle_bytes


def test_another_process_writes_the_same_bytes(
    tmp_path: Path, parts: dict[str, bytes], bundle_bytes: bytes
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", ELSEWHERE, str(folder), str(tmp_path / "there.edge")]
    subprocess.run(command, check=True, env=environment)
    assert (tmp_path / "there.edge").read_bytes() == bundle_bytes


def test_the_zip_is_stored_and_dateless(bundle_path: Path, members: Members) -> None:
    with zipfile.ZipFile(bundle_path) as archive:
        infos = archive.infolist()
        assert archive.comment == b"" and archive.testzip() is None
    assert [i.filename for i in infos] == [MANIFEST, *sorted(members)]
    assert {i.compress_type for i in infos} == {zipfile.ZIP_STORED}
    assert {i.date_time for i in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {i.extra for i in infos} == {b""}


def test_the_manifest_comes_back(manifest: Manifest) -> None:
    raw = manifest.to_json()
    assert Manifest.model_validate_json(raw) == manifest
    assert Manifest.model_validate_json(raw).to_json() == raw


def test_nothing_is_overwritten_unasked(
    tmp_path: Path, manifest: Manifest, members: Members, bundle_bytes: bytes
) -> None:
    path = tmp_path / "x.edge"
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="--overwrite"):
        write_bundle(path, manifest, members)
    assert path.read_bytes() == b"precious"
    write_bundle(path, manifest, members, overwrite=True)
    assert path.read_bytes() == bundle_bytes


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.tflite", GOLDEN, CARD, "more.txt", SIGNATURE])
@pytest.mark.parametrize("change", ["altered", "missing"])
def test_members_that_the_manifest_does_not_state(
    tmp_path: Path, manifest: Manifest, members: Members, name: str, change: str
) -> None:
    given = {**members, name: b"other"}
    if change == "missing" and name in members:
        del given[name]
    with pytest.raises(BundleError, match=f"{name} is not as the manifest states"):
        write_bundle(tmp_path / "x.edge", manifest, given)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, manifest: Manifest, members: Members
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"x\.edge: cannot write there"):
        write_bundle(tmp_path / "file" / "x.edge", manifest, members)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, manifest: Manifest, members: Members, there: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.edge"
    if there:
        path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_bundle(path, manifest, members, overwrite=True)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"] * there


def test_a_folder_in_the_way_is_kept(tmp_path: Path, manifest: Manifest, members: Members) -> None:
    (tmp_path / "x.edge").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_bundle(tmp_path / "x.edge", manifest, members, overwrite=True)
    assert [p.is_dir() for p in tmp_path.iterdir()] == [True]


def test_golden_packs_to_equal_bytes(golden: Golden) -> None:
    first, *rest = golden.pictures
    same = Golden((np.asfortranarray(first), *rest), golden.outputs)
    assert pack_golden(golden) == pack_golden(golden) == pack_golden(same)
    other = Golden((np.roll(first, 1), *rest), golden.outputs)
    assert pack_golden(golden) != pack_golden(other)


def test_a_signature_round_trip(
    tmp_path: Path, manifest: Manifest, members: Members, bundle_bytes: bytes
) -> None:
    public = generate_key_pair(tmp_path / "signer")
    key = load_private_key(tmp_path / "signer")
    for name in ("a.edge", "b.edge"):
        write_bundle(tmp_path / name, manifest, members, key=key)
    assert read_bundle(tmp_path / "a.edge", [load_public_key(public)]).signed
    assert (tmp_path / "a.edge").read_bytes() == (tmp_path / "b.edge").read_bytes()
    assert (tmp_path / "a.edge").read_bytes() != bundle_bytes


def test_a_signature_counts_for_its_bytes_alone(key: Ed25519PrivateKey) -> None:
    signature, trusted = sign(b"manifest", key), [key.public_key()]
    assert len(signature) == 64
    assert check_signature(Path("x"), b"manifest", signature, trusted)
    assert not check_signature(Path("x"), b"manifest", signature, [])
    with pytest.raises(BundleError, match="not signed"):
        check_signature(Path("x"), b"manifest ", signature, trusted)


def test_key_files(tmp_path: Path) -> None:
    public = generate_key_pair(tmp_path / "signer")
    assert public == tmp_path / "signer.pub"
    assert {p.name: p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {
        "signer": 0o600, "signer.pub": 0o644
    }  # fmt: skip
    private = load_private_key(tmp_path / "signer")
    assert private.public_key() == load_public_key(public)


@pytest.mark.parametrize("there", ["signer", "signer.pub"])
def test_keys_are_not_overwritten_unasked(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_bytes(b"precious")
    with pytest.raises(InputError, match="--overwrite"):
        generate_key_pair(tmp_path / "signer")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"precious"]
    generate_key_pair(tmp_path / "signer", overwrite=True)
    assert load_public_key(tmp_path / "signer.pub")


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_private_key_cannot_take_the_public_name(tmp_path: Path, overwrite: bool) -> None:
    with pytest.raises(InputError, match="another name"):
        generate_key_pair(tmp_path / "signer.pub", overwrite=overwrite)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("load", [load_private_key, load_public_key])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN", b"\xff" * 64])
def test_a_file_that_is_no_key(
    tmp_path: Path, load: Callable[[Path], object], content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(InputError, match=r"key: expected a .* key of edgecnn keygen"):
        load(tmp_path / "key")


def test_a_key_of_another_kind(tmp_path: Path) -> None:
    pem = serialization.Encoding.PEM
    key = generate_private_key(SECP256R1())
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "a").write_bytes(private)
    (tmp_path / "a.pub").write_bytes(
        key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(InputError, match="expected an Ed25519 key"):
        load_private_key(tmp_path / "a")
    with pytest.raises(InputError, match="expected an Ed25519 key"):
        load_public_key(tmp_path / "a.pub")
