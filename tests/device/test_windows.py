"""A window slid over pictures, with functions in place of networks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from edgecnn.bundle.decode import LabelsDecode, Suppression
from edgecnn.bundle.manifest import InputSpec, Manifest
from edgecnn.bundle.read import read_bundle
from edgecnn.cli.run import command as run
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.preprocess import Input, network_input
from edgecnn_device import Runner
from edgecnn_device.backends import FakeBackend
from edgecnn_device.windows import (
    SlidingOptions,
    default_scales,
    detect_by_windows,
    window_corners,
)

SIDE = 16
SPEC = InputSpec(width=SIDE, height=SIDE, mean=(100.0, 50.0, 0.0), std=(60.0, 70.0, 80.0))
OPTIONS = SlidingOptions(scales=(1.0,), stride=8, background=("dark",))


@pytest.fixture
def manifest(zoo_bundle: Path) -> Manifest:
    """The zoo's manifest, as if it told bright windows from dark ones."""
    decode = LabelsDecode(labels=("dark", "bright"))
    update = {"task": "classify", "decode": decode, "input": SPEC}
    return read_bundle(zoo_bundle).manifest.model_copy(update=update)


def _brightness(inputs: Input) -> NDArray[np.float32]:
    """Logits that say bright where a window is filled with white."""
    share = np.float32(((inputs * SPEC.std + SPEC.mean) > 200).mean())
    return np.array([[0, 20 * (share - 0.9)]], np.float32)


def _runner(manifest: Manifest) -> Runner:
    return Runner(manifest, manifest.variants[0], FakeBackend(_brightness))


def _scene(x: int, y: int, side: int) -> NDArray[np.uint8]:
    image = np.zeros((64, 80, 3), np.uint8)
    image[y : y + side, x : x + side] = 255
    return image


def test_a_thing_is_found_where_it_is(manifest: Manifest) -> None:
    (box,) = detect_by_windows(_runner(manifest), _scene(24, 40, SIDE), OPTIONS)
    assert (box.label, box.index, box.box) == ("bright", 1, (24, 40, 40, 56))
    assert box.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-5)


@pytest.mark.parametrize("side", [32, 64])
def test_a_larger_thing_is_found_at_a_smaller_scale(manifest: Manifest, side: int) -> None:
    options = SlidingOptions(stride=4, background=("dark",), scales=(0.5, 0.25),
                             suppression=Suppression(min_score=0.7, iou=0.1))  # fmt: skip
    found = detect_by_windows(_runner(manifest), _scene(8, 0, side), options)
    assert found[0].box[2] - found[0].box[0] >= 32
    union = np.array([b.box for b in found])
    assert union[:, 0].min() >= 4
    assert union[:, 2].max() <= 8 + side + 4


def test_a_window_of_other_sides_is_resized_to_the_input(manifest: Manifest) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[16:24, 32:64] = 255
    options = SlidingOptions(scales=(1.0,), window=(32, 8), stride=8, background=("dark",))
    (box,) = detect_by_windows(_runner(manifest), image, options)
    assert box.box == (32, 16, 64, 24)


def test_windows_see_what_the_bundle_makes_of_a_picture(manifest: Manifest) -> None:
    """Cutting a prepared picture is preparing what is cut."""
    image = np.random.default_rng(0).integers(0, 256, (40, 24, 3), np.uint8)
    seen: list[Input] = []

    def remember(inputs: Input) -> NDArray[np.float32]:
        seen.append(inputs)
        return np.zeros((1, 2), np.float32)

    for layout in ("nhwc", "nchw"):
        seen.clear()
        spec = SPEC.model_copy(update={"layout": layout})
        other = manifest.model_copy(update={"input": spec})
        runner = Runner(other, other.variants[0], FakeBackend(remember))
        detect_by_windows(runner, image, OPTIONS)
        corners = window_corners((24, 40), (SIDE, SIDE), 8)
        assert len(seen) == len(corners) == 2 * 4
        for (x, y), inputs in zip(corners, seen, strict=True):
            cut = np.ascontiguousarray(image[y : y + SIDE, x : x + SIDE])
            assert np.array_equal(inputs, network_input(cut, spec)[None])


def test_a_small_picture_is_one_window(manifest: Manifest) -> None:
    options = SlidingOptions(background=("dark",), suppression=Suppression(min_score=0))
    runner = Runner(
        manifest,
        manifest.variants[0],
        FakeBackend(lambda inputs: np.array([[0, 1]], np.float32)),
    )
    (box,) = detect_by_windows(runner, np.zeros((7, 5, 3), np.uint8), options)
    assert box.box == (0, 0, 5, 7)


def test_windows_reach_the_far_edges() -> None:
    corners = window_corners((30, 17), (10, 10), 8)
    assert sorted({int(x) for x, _ in corners}) == [0, 8, 16, 20]
    assert sorted({int(y) for _, y in corners}) == [0, 7]


@pytest.mark.parametrize(("size", "count"), [((16, 16), 1), ((10, 90), 1), ((64, 48), 4)])
def test_scales_end_where_the_window_fits_no_more(size: tuple[int, int], count: int) -> None:
    scales = default_scales(size, SPEC)
    assert len(scales) == count
    assert scales[0] == 1
    assert min(size) * scales[-1] >= SIDE or count == 1


@pytest.mark.parametrize(
    "options",
    [SlidingOptions(background=("drak",)), SlidingOptions(scales=(0.5, 0)),
     SlidingOptions(stride=-1)],
)  # fmt: skip
def test_options_that_cannot_be_used_are_refused(
    manifest: Manifest, options: SlidingOptions
) -> None:
    with pytest.raises(InputError, match=r"did you mean|expected a stride"):
        detect_by_windows(_runner(manifest), _scene(0, 0, 16), options)


def test_a_bundle_that_does_not_classify_is_refused(zoo_bundle: Path) -> None:
    other = read_bundle(zoo_bundle).manifest
    with pytest.raises(BundleError, match="a bundle that classifies, got task read"):
        detect_by_windows(_runner(other), _scene(0, 0, 16), OPTIONS)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [(["--scales", "1"], "--scales is for --windows"),
     (["--windows", "--scales", "1,x"], "expected numbers"),
     (["--windows", "--window", "5"], "expected W,H")],
)  # fmt: skip
def test_the_command_line_says_what_is_wrong(
    zoo_bundle: Path, tmp_path: Path, arguments: list[str], fault: str
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), _scene(0, 0, 16))
    done = CliRunner().invoke(run, [str(zoo_bundle), str(tmp_path / "a.png"), *arguments])
    assert done.exit_code == 2
    assert fault in done.output
