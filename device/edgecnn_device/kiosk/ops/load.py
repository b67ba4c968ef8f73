"""Loads the configuration file: read, parsed, validated, and its paths made absolute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edgecnn.errors import ConfigError, Fault, InputError
from edgecnn.files import read_bounded
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.ops.explain import explain
from edgecnn_device.kiosk.ops.paths import absolute
from edgecnn_device.kiosk.ops.strict_yaml import MOST_BYTES, Document, read_yaml


@dataclass(frozen=True)
class Loaded:
    """A configuration that fits the schema."""

    path: Path
    """Of the file."""
    config: KioskConfig
    """Every path in it is absolute."""
    document: Document
    """As written, with lines."""


def load_config(path: Path, base: Path | None = None) -> Loaded:
    """Read and validate a file; what it names is not looked at yet (`checks.check`).

    Args:
        path: the file.
        base: where its relative paths start; default: the file's own folder.

    Raises:
        ConfigError: it cannot be read, or does not fit; each fault with key, line and remedy.
    """
    document = read_yaml(_text(path), str(path))
    if not isinstance(document.value, dict):
        raise ConfigError(
            str(path), (Fault("", "expected keys, such as cameras:, and found none"),)
        )
    try:
        config = KioskConfig.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError(str(path), explain(error, KioskConfig, document)) from None
    return Loaded(path, absolute(config, base or path.absolute().parent), document)


def _text(path: Path) -> str:
    try:
        data = read_bounded(path, MOST_BYTES, "the configuration")
    except InputError as error:
        message = str(error).removeprefix(f"{path}: ")
        raise ConfigError(str(path), (Fault("", message),)) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(str(path), (Fault("", "expected UTF-8 text", line),)) from None
