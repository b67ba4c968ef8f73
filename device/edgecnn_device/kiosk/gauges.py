"""Metrics of the parts around the pipeline, asked for when they are scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edgecnn_device.cameras import CaptureStatus
from edgecnn_device.kiosk.store import StoreStatus, Written
from edgecnn_device.kiosk.store.outbox import TargetStatus


class Gauges(Collector):
    """Asks cameras, store, targets and the disk."""

    def __init__(
        self, cameras: Callable[[], Mapping[str, CaptureStatus]], store: Callable[[], StoreStatus],
        targets: Callable[[], Sequence[TargetStatus]], written: Callable[[], Written],
    ) -> None:  # fmt: skip
        self._cameras, self._store = cameras, store
        self._targets, self._written = targets, written

    def describe(self) -> Iterator[Metric]:
        """Promise nothing, so that registering asks nobody."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        yield from _of_cameras(self._cameras())
        yield from _of_store(self._store())
        yield from _of_targets(self._targets())
        yield from _of_disk(self._written())


def _of_cameras(cameras: Mapping[str, CaptureStatus]) -> Iterator[Metric]:
    captured = CounterMetricFamily(
        "edgecnn_camera_frames", "Frames that a camera gave.", labels=["camera"]
    )
    lost = CounterMetricFamily(
        "edgecnn_camera_lost", "Frames that never came to the pipeline.",
        labels=["camera", "cause"],
    )  # fmt: skip
    stalls = CounterMetricFamily(
        "edgecnn_camera_stalls", "Times a camera gave nothing for too long.", labels=["camera"]
    )
    rate = GaugeMetricFamily(
        "edgecnn_camera_rate", "Frames per second over ten seconds.", labels=["camera"]
    )
    for name, one in cameras.items():
        captured.add_metric([name], one.captured)
        for cause, count in (("overrun", one.overrun), ("corrupt", one.corrupt.total)):
            lost.add_metric([name, cause], count)
        stalls.add_metric([name], one.stalls)
        rate.add_metric([name], one.rate)
    yield from (captured, lost, stalls, rate)


def _of_store(status: StoreStatus) -> Iterator[Metric]:
    yield GaugeMetricFamily("edgecnn_store_bytes", "Of the events' files.", status.bytes)
    yield GaugeMetricFamily(
        "edgecnn_store_waiting", "Events in memory that are not written yet.", status.waiting
    )
    gone = CounterMetricFamily("edgecnn_store_gone", "Events gone, by why.", labels=["cause"])
    causes = (
        ("lost", status.lost), ("expired", status.expired), ("room", status.removed),
        ("unreadable", status.unreadable), ("expired undelivered", status.expired_undelivered),
    )  # fmt: skip
    for cause, count in causes:
        gone.add_metric([cause], count)
    yield gone


def _of_targets(targets: Sequence[TargetStatus]) -> Iterator[Metric]:
    owed = GaugeMetricFamily("edgecnn_target_owed", "Events to be delivered.", labels=["target"])
    failing = GaugeMetricFamily(
        "edgecnn_target_failing_seconds", "Since a target works no more; 0 while it does.",
        labels=["target"],
    )  # fmt: skip
    delivered = CounterMetricFamily("edgecnn_target_delivered", "Events delivered.",
                                    labels=["target"])  # fmt: skip
    refused = CounterMetricFamily("edgecnn_target_refused", "Events set aside.", labels=["target"])
    for one in targets:
        owed.add_metric([one.name], one.undelivered)
        failing.add_metric([one.name], one.failing_s)
        delivered.add_metric([one.name], one.delivered)
        refused.add_metric([one.name], one.refused)
    yield from (owed, failing, delivered, refused)


def _of_disk(written: Written) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "edgecnn_written_bytes_per_hour", "Over the last hour: SD cards wear out.", labels=["by"]
    )
    rates = (("process", written.process_per_hour), ("device", written.device_per_hour))
    for by, rate in rates:
        if rate is not None:
            family.add_metric([by], rate)
    yield family
