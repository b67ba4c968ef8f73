"""Whatever a file holds, it is read or refused by ConfigError with its line; nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.errors import ConfigError
from edgecnn_device.kiosk.ops.load import load_config
from edgecnn_device.kiosk.ops.strict_yaml import MOST_BYTES, read_yaml

LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
PIECES = st.sampled_from(
    [*"abz019:-?[]{},&*!|>'\"%@`#~\n\t \\.<=é\0\x85\ud800", "<<: ", "- ", ": ", "\n  ", "!!int ",
     "&a ", "*a", "cameras:", " source: ", "door", "---\n", "...\n", "? ", '"\\x00"',
     '"\\ud800"', "1e999"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_a_billion_laughs_are_refused_at_the_first_alias() -> None:
    started = time.monotonic()
    with pytest.raises(ConfigError, match=r"line 2: expected plain values, got an alias"):
        read_yaml(LAUGHS, "f.yaml")
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "stands in line 1 already"),
        ("a:\n  b: 1\n  b: 1\n", 3, "stands in line 2 already"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "a tag"),
        ("a: !secret x\n", 1, "a tag"),
        ("a: &x 1\nb: *x\n", 2, "an alias"),
        ("[a, b]: 1\n", 1, "before the colon"),
        ("a:\n\tb: 1\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: \x01\n", 1, "a character"),
        ('a: "\\x00"\n', 1, "control character"),
        ('a: "\\ud800"\n', 1, "control character"),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested 12 deep"),
        ("- 1\n" * 10_001, 10_000, "at most 10000 values"),
    ],
)
def test_what_a_configuration_never_needs_is_refused_with_its_line(
    text: str, line: int, says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        read_yaml(text, "f.yaml")
    assert [fault.line for fault in refused.value.faults] == [line]


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("010", 10), ("1e-4", 1e-4),
     ("'1'", "1"), ("~", None), ("", None), ("true", True), (".5", 0.5), ("0x10", "0x10"),
     ("9" * 5000, "9" * 5000), (".inf", ".inf"), ("<<", "<<")],
)  # fmt: skip
def test_scalars_follow_the_core_schema(written: str, value: object) -> None:
    assert read_yaml(f"a: {written}\n", "f").value == {"a": value}


def test_every_value_has_its_line() -> None:
    lines = read_yaml("a: 1\nb:\n  - c: 2\n  - 3\n", "f").lines
    assert lines["a",] == 1 and lines["b", 0, "c"] == 3 and lines["b", 1] == 4


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_arbitrary_text_raises_nothing_but_a_config_error(text: str) -> None:
    try:
        read_yaml(text, "f.yaml")
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1


@given(VALUES)
def test_arbitrary_yaml_raises_nothing_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    path.write_text(yaml.safe_dump({"cameras": value, "web": value}), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert all(fault.message for fault in refused.value.faults)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_raise_nothing_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load_config(path)


def test_a_file_that_is_too_large_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * MOST_BYTES)
    (tmp_path / "latin.yaml").write_bytes("cameras:\n  ü: {}\n".encode("latin-1"))
    for name, says in (
        ("large.yaml", f"at most {MOST_BYTES} bytes"), ("missing.yaml", "No such file"),
        ("", "directory"), ("latin.yaml", "line 2: expected UTF-8"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=says):
            load_config(tmp_path / name)
