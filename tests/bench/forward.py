"""How fast our networks are beside the same networks of torchvision and timm.

Neither is a dependency of edgecnn; for the comparison:

    pip install timm torchvision

    python tests/bench/forward.py [--rounds 20]

For each network: the library's random weights and statistics are copied into ours through
`edgecnn.models.layouts`, the outputs must agree within 1e-5 of the largest, and then both forwards
are timed in turn, in one process and one thread. Time is the processor's, so that other programs
take no part in it, and freed memory stays with the process: otherwise the kernel's fresh pages,
which fall to whichever network asks first, move a ratio by 10 %. What counts is the ratio; the bar
is 1.05.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from edgecnn.models import create_backbone
from edgecnn.models.layouts import Layout, to_ours

TOLERANCE = 1e-5
"""Largest difference of the outputs, relative to the largest output."""
BAR = 1.05
BATCHES = (1, 8)
SIDE = 224
NETWORKS = ("mobilenet_v2", "resnet50")
TIMM_NAMES = {"mobilenet_v2": "mobilenetv2_100"}


@dataclass(frozen=True)
class Comparison:
    """Both networks at one batch size."""

    ours_ms: float
    theirs_ms: float
    """Medians over the rounds."""
    ratio: float
    """Median over the rounds of ours divided by theirs."""


def find_builders() -> dict[Layout, Callable[[str], nn.Module]]:
    """Return how to build a network of each library that is installed, by our name of it."""
    builders: dict[Layout, Callable[[str], nn.Module]] = {}
    torchvision = _import_torchvision()
    if torchvision is not None:
        builders["torchvision"] = lambda name: torchvision.models.get_model(name, weights=None)
    timm = _import("timm")
    if timm is not None:
        builders["timm"] = lambda name: timm.create_model(TIMM_NAMES.get(name, name))
    return builders


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _import_torchvision() -> Any:
    try:
        return _import("torchvision")
    except RuntimeError:
        # Built for another torch: its own operators cannot load, and no network needs them.
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        make_library: Any = torch.library.Library
        library = make_library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
        _KEPT.append(library)
        return _import("torchvision")


_KEPT: list[Any] = []  # operators last as long as their library


def randomize_norms(network: nn.Module) -> None:
    """Give batch normalization statistics and weights that a wrong name map cannot survive."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias):
                assert tensor is not None
                nn.init.normal_(tensor, 0, 0.1)
            for tensor in (module.running_var, module.weight):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 1.5)


def copy_weights(name: str, layout: Layout, theirs: nn.Module) -> nn.Module:
    """Return our network with a library's weights; SystemExit where the outputs differ."""
    ours = create_backbone(name).eval()
    ours.load_state_dict(to_ours(name, layout, theirs.state_dict()))
    x = torch.randn(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        expected, found = theirs(x), ours(x)
    difference = float((expected - found).abs().max() / expected.abs().max())
    if difference > TOLERANCE:
        raise SystemExit(f"{name} of {layout}: outputs differ by {difference:.1e} of the largest")
    return ours


def compare(ours: nn.Module, theirs: nn.Module, batch: int, rounds: int) -> Comparison:
    """Time both in turn, each first in every other round."""
    x = torch.randn(batch, 3, SIDE, SIDE)
    times: dict[nn.Module, list[float]] = {ours: [], theirs: []}
    with torch.inference_mode():
        for network in (ours, theirs, ours, theirs):
            network(x)
        for index in range(rounds):
            for network in (ours, theirs) if index % 2 else (theirs, ours):
                times[network].append(_time_ms(network, x))
    ratios = [a / b for a, b in zip(times[ours], times[theirs], strict=True)]
    a, b = (statistics.median(times[network]) for network in (ours, theirs))
    return Comparison(a, b, statistics.median(ratios))


def keep_memory() -> None:
    """Tell glibc to give no freed memory back; elsewhere nothing changes."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        trim_threshold, mmap_threshold = -1, -3
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 2**30)


def _time_ms(network: nn.Module, x: Tensor) -> float:
    start = time.process_time()
    network(x)
    return (time.process_time() - start) * 1e3


def main() -> None:
    """Print the table; exit status 1 where a ratio is over the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    builders = find_builders()
    if not builders:
        raise SystemExit("neither torchvision nor timm is installed: pip install timm torchvision")
    table = Table("network", "library", "batch", "ours ms", "theirs ms", "ratio")
    worst = 0.0
    for name in NETWORKS:
        for layout, build in builders.items():
            theirs = build(name).eval()
            randomize_norms(theirs)
            ours = copy_weights(name, layout, theirs)
            for batch in BATCHES:
                found = compare(ours, theirs, batch, options.rounds)
                cells = (found.ours_ms, found.theirs_ms)
                table.add_row(
                    name, layout, str(batch), *(f"{c:.1f}" for c in cells), f"{found.ratio:.3f}"
                )
                worst = max(worst, found.ratio)
    Console().print(table)
    if worst > BAR:
        raise SystemExit(f"the slowest ratio is {worst:.3f}: the bar is {BAR}")


if __name__ == "__main__":
    main()
