"""`edgecnn inspect` and `edgecnn models` from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgecnn.cli import inspect, models
from edgecnn.errors import EdgecnnError
from edgecnn.models import list_backbones

ROW = {"name", "kind", "output", "parameters", "macs", "receptive_field", "note"}


def _inspect(*arguments: str) -> Result:
    return CliRunner().invoke(inspect.command, arguments)


def _json(*arguments: str) -> Any:
    done = _inspect(*arguments, "--json")
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def test_json_of_an_architecture() -> None:
    found = _json("lenet5")
    assert found["name"] == "lenet5"
    assert found["input"] == [1, 32, 32]
    assert all(set(row) == ROW for row in found["layers"])
    assert found["parameters"] == sum(row["parameters"] for row in found["layers"]) == 61_706
    assert found["layers"][0]["receptive_field"] == 5


def test_a_chain_costs_what_the_course_says() -> None:
    one = _json("Conv2d(192, 32, 5, padding=2)", "--input", "192,28,28")
    two = _json("Conv2d(192, 16, 1) | Conv2d(16, 32, 5, padding=2)", "--input", "192,28,28")
    assert one["macs"] == 120_422_400
    assert [row["macs"] for row in two["layers"]] == [2_408_448, 10_035_200]


@pytest.mark.parametrize(
    ("chain", "shape", "output"),
    [
        ("Conv2d(1, 1, 3)", "1,7,7", [1, 5, 5]),
        ("Conv2d(1, 1, 3, stride=2)", "1,7,7", [1, 3, 3]),
        ("Conv2d(3, 6, 5)", "3,32,32", [6, 28, 28]),
        ("Conv2d(32, 64, 3)", "32,26,26", [64, 24, 24]),
        ("Conv1d(2, 4, 3)", "2,10", [4, 8]),
        ("Conv3d(1, 2, 3)", "1,5,6,7", [2, 3, 4, 5]),
        ("Linear(5, 2)", "5", [2]),
    ],
)
def test_output_sizes_from_the_command_line(chain: str, shape: str, output: list[int]) -> None:
    (row,) = _json(chain, "--input", shape)["layers"]
    assert row["output"] == output


def test_fields_are_given_per_dimension_only_where_they_differ() -> None:
    wide, unknown = (
        _json("Conv2d(1, 1, (1, 5)) | Flatten(1, 2)", "--input", "1,8,8")["layers"],
        None,
    )
    assert wide[0]["receptive_field"] == [1, 5]
    assert _json("Linear(4, 4)", "--input", "4")["receptive_field"] is unknown


def test_a_table_for_people_ends_in_totals() -> None:
    done = _inspect("Conv2d(1, 1, 3, stride=3)", "--input", "1,7,7")
    assert "stride 3 does not tile: 1 of 7 left over" in done.stdout
    assert "10 parameters, 36 multiply-adds, receptive field 3" in done.stdout


def test_a_bundle_by_name_by_path_and_by_variant(zoo_bundle: Path) -> None:
    by_name, by_path = _json("serial-reader"), _json(str(zoo_bundle))
    assert by_name == by_path
    assert by_name["name"] == "serial-reader onnx-fp32"
    chosen = _json("serial-reader", "--variant", "tflite-int8", "--input", "3,32,256")
    assert chosen["name"] == "serial-reader tflite-int8"
    assert chosen["macs"] == by_name["macs"]


def test_a_bundle_without_the_onnx_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert _json("serial-reader")["name"] == "serial-reader tflite-fp32"


def test_a_run_is_the_network_that_became_the_bundle(root: Path) -> None:
    run = _json(str(root / "edgecnn" / "zoo" / "runs" / "serial-reader"))
    assert run["input"] == [3, 32, 256]
    assert run["macs"] == _json("serial-reader")["macs"]
    assert run["layers"][-1]["output"] == [64, 83]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory."""
    (tmp_path / "my_nets_for_inspect.py").write_text(
        "from torch import nn\n"
        "def net(): return nn.Conv2d(3, 8, 3)\n"
        "def seven(): return 7\n"
        "def fails(): raise KeyError('weights')\n"
    )
    monkeypatch.chdir(tmp_path)
    return "my_nets_for_inspect"


def test_a_function_of_ones_own(code: str) -> None:
    assert _json(f"{code}:net", "--input", "3,8,8")["layers"][0]["output"] == [8, 6, 6]


@pytest.mark.parametrize(
    ("function", "says"),
    [("seven", "expected a torch.nn.Module"), ("fails", "weights"), ("nope", "no attribute")],
)
def test_a_function_that_gives_no_network(code: str, function: str, says: str) -> None:
    _check_refused((f"{code}:{function}", "--input", "3,8,8"), says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("resnet19",), "did you mean"),
        (("lenet5", "--input", "1,4,4"), "does not fit 4 pixels"),
        (("lenet5", "--input", "3,32,32"), "expected 1 channels, got 3"),
        (("lenet5", "--input", "1,32"), "expected channels and 2 sides"),
        (("lenet5", "--input", "-1,32,32"), "numbers above 0"),
        (("lenet5", "--input", "1,0,32"), "numbers above 0"),
        (("lenet5", "--input", "1,x,32"), "numbers above 0"),
        (("lenet5", "--input", "1,2,3,4,5"), "numbers above 0"),
        (("lenet5", "--variant", "tflite-int8"), "for bundles"),
        (("Conv2d(1, 1, 3)",), "expected --input"),
        (("Conv2d(1, 1", "--input", "1,7,7"), "not readable"),
        (("no_such_module_at_all:net", "--input", "1,7,7"), "no module named"),
        (("serial-reader", "--input", "3,3,3"), "fixed"),
        (("serial-reader", "--variant", "tflite-int4"), "expected one of"),
        (("absent.edge",), "no such file"),
        (("x" * 5000,), "unknown architecture"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], says: str) -> None:
    _check_refused(arguments, says)


def _check_refused(arguments: tuple[str, ...], says: str) -> None:
    done = _inspect(*arguments)
    assert isinstance(done.exception, EdgecnnError)
    assert done.exception.exit_status == 2
    assert says in str(done.exception)
    assert "\n" not in str(done.exception)


def test_models_lists_every_architecture_with_its_cost() -> None:
    done = CliRunner().invoke(models.command, ["--json"])
    found = {model["name"]: model for model in json.loads(done.stdout)}
    assert set(found) == set(list_backbones())
    assert found["mobilenet_v2"] == {
        "name": "mobilenet_v2", "parameters": 3_504_872, "macs": 300_774_272,
        "input": [3, 224, 224],
        "tasks": ["classify", "detect", "embed", "landmarks", "localize", "read"],
    }  # fmt: skip


@pytest.mark.parametrize("pattern", ["resnet", "resnet*"])
def test_models_takes_a_part_of_the_name_or_wildcards(pattern: str) -> None:
    done = CliRunner().invoke(models.command, [pattern, "--json"])
    names = [model["name"] for model in json.loads(done.stdout)]
    assert names == ["resnet18", "resnet34", "resnet50"]
    assert "resnet50" in CliRunner().invoke(models.command, [pattern]).stdout


def test_models_without_a_match_is_said() -> None:
    done = CliRunner().invoke(models.command, ["zzz"])
    assert isinstance(done.exception, EdgecnnError)
    assert "no architecture matches 'zzz'" in str(done.exception)
