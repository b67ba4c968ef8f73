"""Pipelines as GStreamer understands them; pip's OpenCV has no GStreamer to run them."""

from __future__ import annotations

import json
import subprocess

import pytest

from edgecnn_device.cameras.gstreamer import argus_pipeline, rtsp_pipeline
from edgecnn_device.cameras.source import Wanted

PARSE = """
import gi, json, sys
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
source = Gst.parse_launch(sys.argv[1]).iterate_elements()
found = {}
while True:
    result, element = source.next()
    if result != Gst.IteratorResult.OK:
        break
    if element.get_factory().get_name() == "rtspsrc":
        names = ("location", "user-id", "user-pw", "tcp-timeout", "drop-on-latency")
        found = {name: element.get_property(name) for name in names}
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("url", "location", "user", "password"),
    [
        ("rtsp://me:p%22%20%21%40@[::1]:554/a?b=c%20d", "rtsp://[::1]:554/a?b=c%20d", "me",
         'p" !@'),
        ("rtsps://cam/1", "rtsps://cam/1", None, None),
        ("rtsp://me@cam/1!fakesink", "rtsp://cam/1!fakesink", "me", ""),
    ],
)  # fmt: skip
def test_an_address_stays_one_property(
    url: str, location: str, user: str | None, password: str | None
) -> None:
    command = ["/usr/bin/python3", "-c", PARSE, rtsp_pipeline(url, 5.0)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        pytest.skip("no /usr/bin/python3: needs Debian")
    if done.returncode:
        pytest.skip("apt-get install python3-gi gir1.2-gstreamer-1.0 gstreamer1.0-plugins-good")
    assert json.loads(done.stdout) == {
        "location": location, "user-id": user, "user-pw": password, "tcp-timeout": 5_000_000,
        "drop-on-latency": True,
    }  # fmt: skip


def test_a_jetson_is_asked_for_what_is_wanted() -> None:
    pipeline = argus_pipeline(1, Wanted("csi:1", width=1920, height=1080, rate=29.97))
    assert "sensor-id=1 " in pipeline
    assert "width=1920,height=1080,framerate=30/1" in pipeline
    assert pipeline.endswith("appsink drop=true max-buffers=1 sync=false")
