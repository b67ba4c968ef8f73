"""An RTSP server for the tests, by GStreamer: run by Debian's own Python, until it is ended.

    apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good \
        gstreamer1.0-plugins-ugly
    /usr/bin/python3 rtsp_server.py PORT [USER PASSWORD]

At /h264 is a stream of 320 x 240 at 25 frames per second, whose brightness rises from black to
white over ten seconds of the machine's clock, so that a picture tells when it was made; at /jpeg
a test picture as motion JPEG. Each client has a pipeline of its own.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

WIDTH, HEIGHT, RATE = 320, 240, 25
PERIOD_S = 10.0
CAPS = f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={RATE}/1"
H264 = (
    f"( appsrc name=source is-live=true do-timestamp=true format=time caps={CAPS} ! "
    f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={RATE} ! rtph264pay name=pay0 "
    "config-interval=1 )"
)
JPEG = (
    f"( videotestsrc is-live=true ! video/x-raw,format=I420,width={WIDTH},height={HEIGHT},"
    f"framerate={RATE}/1 ! jpegenc ! rtpjpegpay name=pay0 )"
)


def feed(source: Any) -> bool:
    """Push a picture of now."""
    tone = 16 + round(219 * (time.monotonic() % PERIOD_S) / PERIOD_S)  # of a video's range
    grey = bytes([tone]) * (WIDTH * HEIGHT) + bytes([128]) * (WIDTH * HEIGHT // 2)
    picture = Gst.Buffer.new_wrapped(grey)
    return bool(source.emit("push-buffer", picture) == Gst.FlowReturn.OK)


def begin(_factory: Any, media: Any) -> None:
    """Feed the pipeline of a client."""
    source = media.get_element().get_child_by_name("source")
    GLib.timeout_add(1000 // RATE, feed, source)


def main() -> None:
    """Serve."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    for path, launch in (("/h264", H264), ("/jpeg", JPEG)):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        if path == "/h264":
            factory.connect("media-configure", begin)
        if len(sys.argv) > 2:
            protect(server, factory, *sys.argv[2:4])
        server.get_mount_points().add_factory(path, factory)
    if not server.attach(None):
        raise SystemExit("the port is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


def protect(server: Any, factory: Any, user: str, password: str) -> None:
    """Let in that user alone, by digest authentication (RFC 2617)."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string(
            "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        )
    )


if __name__ == "__main__":
    main()
