from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import BundleError
from edgecnn.vision.placement import placement
from edgecnn.vision.points import decode_maps, decode_points, to_pixels, to_shares

ROWS, COLUMNS = 12, 16
RULES = PointsDecode(names=("tip", "tail"), method="regression")


def bells(places: NDArray[np.float64], sigma: float = 1.0) -> NDArray[np.float32]:
    """Return (1, K, ROWS, COLUMNS) logarithms of Gaussians about shares of the map, (K, 2)."""
    y, x = np.mgrid[:ROWS, :COLUMNS] + 0.5
    across, down = places[:, 0, None, None] * COLUMNS, places[:, 1, None, None] * ROWS
    squares = (x - across) ** 2 + (y - down) ** 2
    return np.asarray(-squares / (2 * sigma**2) + 7.0, np.float32)[None]


@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.0])
def test_the_top_of_a_gaussian_is_found_between_cells_and_at_the_edge(sigma: float) -> None:
    inside = np.random.default_rng(1).uniform(0, 1, (200, 2))
    corners = np.array(((0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.0)))
    places = np.concatenate((inside, corners))
    assert np.abs(decode_maps(bells(places, sigma))[0] - places).max() < 1e-4


def test_rounding_to_a_tenth_costs_less_than_a_tenth_of_a_cell() -> None:
    places = np.random.default_rng(2).uniform(0.1, 0.9, (300, 2))
    found = decode_maps(np.round(bells(places) * 10) / np.float32(10))[0]
    assert np.abs((found - places) * (COLUMNS, ROWS)).max() < 0.1


def test_without_a_top_the_highest_cell_is_taken() -> None:
    maps = np.zeros((1, 2, ROWS, COLUMNS), np.float32)
    maps[0, 0, ROWS - 1, 3] = -1e-6  # flat: its first cell
    maps[0, 1] = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)  # a slope: its last
    found = decode_maps(maps)[0] * (COLUMNS, ROWS)
    assert np.allclose(found, ((0.5, 0.5), (COLUMNS - 0.5, ROWS - 0.5)), atol=1e-5)


def test_both_methods_give_shares_and_probabilities() -> None:
    places = np.array(((0.25, 0.5), (0.75, 0.125)))
    seen = np.array(((0.0, -2.0),), np.float32)
    by_maps = decode_points((bells(places), seen), RULES.model_copy(update={"method": "heatmap"}))
    by_numbers = decode_points((places.reshape(1, 4).astype(np.float32), seen), RULES)
    assert np.allclose(by_maps.places, by_numbers.places, atol=1e-4)
    assert np.allclose(by_maps.visibility, [[0.5, 1 / (1 + np.e**2)]])
    assert by_numbers.places.shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("method", "shapes"),
    [("heatmap", [(1, 3, 8, 8), (1, 2)]), ("heatmap", [(1, 2, 2, 8), (1, 2)]),
     ("heatmap", [(1, 2, 8, 8)]), ("regression", [(1, 6), (1, 2)]),
     ("regression", [(1, 4), (1, 3)]), ("regression", [(1, 2, 8, 8), (1, 2)])],
)  # fmt: skip
def test_outputs_of_other_shapes_are_refused(method: str, shapes: list[tuple[int, ...]]) -> None:
    rules = RULES.model_copy(update={"method": method})
    with pytest.raises(BundleError, match="2 points by"):
        decode_points([np.zeros(shape, np.float32) for shape in shapes], rules)


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_pixels_and_shares_undo_each_other(resize: str) -> None:
    spec = InputSpec(width=96, height=64, mean=(0, 0, 0), std=(1, 1, 1)).model_copy(
        update={"resize": resize}
    )
    place = placement((200, 50), spec)
    points = np.random.default_rng(3).uniform(-5, 205, (20, 2)).astype(np.float32)
    assert np.allclose(to_pixels(to_shares(points, place), place), points, atol=1e-3)
    corner = to_shares(np.array(((-0.5, -0.5), (199.5, 49.5)), np.float32), place)
    assert corner.tolist() == [[0, 0], [1, 1 if resize == "stretch" else 0.375]]


def test_the_normalizer_must_be_two_of_the_points() -> None:
    assert PointsDecode(names=("a", "b"), method="heatmap", normalizer=(1, 0)).normalizer == (1, 0)
    for wrong in ((0, 2), (1, 1)):
        with pytest.raises(ValueError, match=r"two of the points 0\.\.1"):
            PointsDecode(names=("a", "b"), method="heatmap", normalizer=wrong)
