"""What install writes is what the repository shows, and systemd itself finds nothing wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from pydantic import BaseModel

from edgecnn.errors import ConfigError, InputError
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.ops.checks import check
from edgecnn_device.kiosk.ops.explain import _models
from edgecnn_device.kiosk.ops.install import install, installed_files, make_unit
from edgecnn_device.kiosk.ops.load import load_config
from edgecnn_device.kiosk.ops.unit import CONFIG, PYTHON, Unit, example, render_unit

UNIT = "etc/systemd/system/edgecnn-kiosk.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt install systemd"
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The file system of a machine with an interpreter where one is expected."""
    root = tmp_path / "image"
    place = root / "opt" / "edgecnn" / "bin"
    place.mkdir(parents=True)
    (place / "python").symlink_to(sys.executable)
    for folder in (root, *place.parents, place):
        if folder.is_relative_to(root):
            folder.chmod(0o755)
    return root


def _configure(image: Path, text: str) -> None:
    path = image / "etc" / "edgecnn" / "kiosk.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"cameras: {{door: {{source: 'rtsp://u@h', password_file: door}}}}\n{text}")


def test_the_repository_shows_what_is_installed(root: Path) -> None:
    shown = (root / "device" / "edgecnn-kiosk.service").read_text(encoding="utf-8")
    assert shown == render_unit(Unit())
    assert (root / "device" / "kiosk.example.yaml").read_text(encoding="utf-8") == example()


def test_nothing_is_left_to_fill_in(image: Path) -> None:
    for file in installed_files(make_unit(image, PYTHON, CONFIG)):
        assert not re.search(r"@[A-Z]+@", file.text)


@needs_systemd
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    unit = Unit(PurePosixPath(Path(sys.executable).resolve()) if not _hidden() else PYTHON)
    path = tmp_path / "edgecnn-kiosk.service"
    path.write_text(render_unit(unit))
    done = _analyze("verify", "--recursive-errors=no", str(path))
    lines = [x for x in done.stderr.splitlines() if "edgecnn-kiosk" in x]
    # Of the interpreter alone it may say that it is not here.
    assert [x for x in lines if "is not executable" not in x] == []


@needs_systemd
def test_the_sandbox_is_rated_ok(tmp_path: Path) -> None:
    path = tmp_path / "edgecnn-kiosk.service"
    path.write_text(render_unit(Unit()))
    done = _analyze("security", "--offline=true", "--no-pager", "--threshold=22", str(path))
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is older than 250: it cannot rate a file")
    assert done.returncode == 0, done.stdout[-300:]


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _hidden() -> bool:
    try:
        Unit(PurePosixPath(Path(sys.executable).resolve()))
    except InputError:
        return True
    return False


def test_an_image_gets_everything_and_a_configuration_is_kept(image: Path) -> None:
    unit = make_unit(image, PYTHON, CONFIG)
    assert {o.state for o in install(unit, image)} == {"written"}
    assert {o.state for o in install(unit, image)} == {"unchanged"}
    config = image / "etc/edgecnn/kiosk.yaml"
    assert config.stat().st_mode & 0o777 == 0o640
    config.write_text("cameras: {door: {source: 'usb:0'}}\n")
    states = {o.path.name: o.state for o in install(unit, image, overwrite=True)}
    assert states.pop("kiosk.yaml") == "kept" and set(states.values()) == {"unchanged"}
    assert config.read_text() == "cameras: {door: {source: 'usb:0'}}\n"


def test_another_unit_is_replaced_on_request_alone(image: Path) -> None:
    (image / UNIT).parent.mkdir(parents=True)
    (image / UNIT).write_text("mine")
    unit = make_unit(image, PYTHON, CONFIG)
    with pytest.raises(InputError, match="--overwrite"):
        install(unit, image)
    assert [p for p in (image / "etc").rglob("*") if p.is_file()] == [image / UNIT]
    install(unit, image, overwrite=True)
    assert (image / UNIT).read_text() == render_unit(unit)


def test_credentials_and_folders_of_the_configuration_stand_in_the_unit(image: Path) -> None:
    _configure(image, "data: /srv/kiosk\nfaces: {enabled: true, keystore: /srv/keys/k.db}\n")
    secrets = image / "etc" / "edgecnn" / "secrets"
    secrets.mkdir()
    (secrets / "edgecnn-gallery-key.cred").touch()
    text = render_unit(make_unit(image, PYTHON, CONFIG))
    folder = "/etc/edgecnn/secrets"
    assert f"\nLoadCredential=door:{folder}/door\n" in text
    assert (f"\nLoadCredentialEncrypted=edgecnn-gallery-key:{folder}/edgecnn-gallery-key.cred\n"
            in text)  # fmt: skip
    assert "\nReadWritePaths=-/srv/keys\nReadWritePaths=-/srv/kiosk\n" in text


@pytest.mark.parametrize(("version", "backoff"), [(None, 0), (252, 0), (254, 1), (257, 1)])
def test_pauses_grow_where_systemd_knows_how(
    image: Path, version: int | None, backoff: int
) -> None:
    if version is not None:
        library = image / f"usr/lib/aarch64-linux-gnu/systemd/libsystemd-shared-{version}.so"
        library.parent.mkdir(parents=True)
        library.touch()
    assert render_unit(make_unit(image, PYTHON, CONFIG)).count("\nRestartSteps=") == backoff


@pytest.mark.parametrize(
    ("python", "config", "says"),
    [
        ("/opt/absent/python", "/etc/edgecnn/kiosk.yaml", "no such interpreter"),
        ("/home/pi/venv/bin/python", "/etc/edgecnn/kiosk.yaml", "below /home"),
        ("/opt/edgecnn/bin/python", "/root/kiosk.yaml", "below /root"),
        ("/opt/edgecnn/bin/python", "/tmp/kiosk.yaml", "below /tmp"),
        ("/opt/edgecnn/bin/py thon", "/etc/edgecnn/kiosk.yaml", "letters, digits"),
        ("/opt/edgecnn/bin/python", "/etc/edgecnn/%n.yaml", "letters, digits"),
        ("python", "/etc/edgecnn/kiosk.yaml", "absolute path"),
    ],
)
def test_what_the_service_could_not_start_is_refused(
    image: Path, python: str, config: str, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        make_unit(image, PurePosixPath(python), PurePosixPath(config))


def test_a_folder_that_the_service_cannot_enter_is_named(image: Path) -> None:
    (image / "opt" / "edgecnn").chmod(0o700)
    with pytest.raises(InputError, match=r"opt/edgecnn: .*chmod o\+x"):
        make_unit(image, PYTHON, CONFIG)


def test_a_link_does_not_lead_out_of_an_image(image: Path, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (image / "etc").symlink_to(tmp_path / "host")
    with pytest.raises(InputError, match="leads out"):
        install(make_unit(image, PYTHON, CONFIG), image)
    assert list((tmp_path / "host").iterdir()) == []


def test_a_bad_configuration_is_said_before_anything_is_written(image: Path) -> None:
    _configure(image, "web: {prot: 1}\n")
    with pytest.raises(ConfigError, match=r"web\.prot"):
        make_unit(image, PYTHON, CONFIG)


def test_the_example_passes_as_it_is(write: Callable[[str], Path]) -> None:
    path = write(example().replace("# data: /var/lib/edgecnn ", "data: data #"))
    report = check(load_config(path))
    assert report.errors == report.warnings == ()


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)^(\s*)# (?=\s*(?:- )?[a-z_]+:)", r"\1", text)


def test_the_example_with_everything_in_it_fits_the_schema(write: Callable[[str], Path]) -> None:
    config = load_config(write(_uncommented(example()))).config
    assert config.mqtt and config.web.tls and len(config.webhooks) == 1
    assert config.faces == KioskConfig(cameras=config.cameras).faces.model_copy(
        update={k: getattr(config.faces, k) for k in
                ("variant", "gallery", "keystore", "key_file", "fmr")}
    )  # fmt: skip


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for key, field in model.model_fields.items():
        yield key
        for inner in _models(field.annotation):
            yield from _keys(inner)


@pytest.mark.parametrize("key", sorted(set(_keys(KioskConfig))))
def test_the_example_shows_every_key(key: str) -> None:
    assert re.search(rf"(?m)^[# -]*{key}:", example())


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgecnn", "kiosk", "install", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_line_installs_and_shows(image: Path) -> None:
    shown = _call("--root", str(image), "--print")
    assert shown.returncode == 0 and "ExecStart=/opt/edgecnn/bin/python -I -m" in shown.stdout
    assert not (image / "etc").exists()
    done = _call("--root", str(image), "--json")
    assert {x["state"] for x in json.loads(done.stdout)} == {"written"}
    told = _call("--root", str(image))
    assert "systemctl enable --now edgecnn-kiosk" in told.stdout
    bad = _call("--root", str(image), "--python", "/opt/none")
    assert bad.returncode == 2 and bad.stderr.startswith("edgecnn: ")
