"""The process that reads a source: ``python -m edgecnn_device.cameras.child MEMORY``.

On stdin come the source (a line of JSON), and then a byte for every place of the memory that was
read; its end is the end of the process. On stdout goes a line of JSON for everything that happens.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
import threading
import time
from typing import BinaryIO

import cv2

from edgecnn.errors import EdgecnnError
from edgecnn_device.cameras.open import open_wanted
from edgecnn_device.cameras.ring import RingWriter
from edgecnn_device.cameras.source import Source, SourceEnded, SourceError, Wanted, fault_of

_GRACE_S = 0.3
"""To take leave of a camera."""
_PAUSE_S = 0.01
"""After a picture that is of no use, which may have come at once."""
_PR_SET_PDEATHSIG = 1


class Words:
    """What libraries write to stderr: kept off the log, and asked for where something fails."""

    def __init__(self) -> None:
        """Take stderr over."""
        self._from, to = os.pipe()
        os.set_blocking(self._from, False)
        os.set_blocking(to, False)  # what does not fit is lost; nobody waits
        os.dup2(to, sys.stderr.fileno())

    def last(self) -> str:
        """Return the last line that was written since the last time."""
        said = b""
        try:
            while part := os.read(self._from, 1 << 16):
                said += part
        except BlockingIOError:
            pass
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        return re.sub(r"^(\[[^\]]*\]\s*)+", "", lines[-1]).strip()[:300] if lines else ""


class Reporter:
    """Says what happens, in lines of JSON."""

    def __init__(self, wire: BinaryIO) -> None:
        self._wire = wire

    def __call__(self, **said: object) -> None:
        """Say one thing."""
        self._wire.write(json.dumps(said).encode() + b"\n")
        self._wire.flush()


def read_all(source: Source, ring: RingWriter, say: Reporter, ending: threading.Event) -> None:
    """Pass on what a source gives, until it ends or nobody wants more.

    Of a live one, a picture for which there is no place is lost, and counted.
    """
    number = 0
    while not ending.is_set():
        number += 1
        try:
            image = source.read()
            fault = fault_of(image)
        except (SourceEnded, EdgecnnError):
            raise
        except Exception:  # bindings raise anything; one picture ends nothing
            image, fault = None, "error"
        if fault is not None or image is None:
            say(fault=fault, number=number)
            time.sleep(_PAUSE_S)
            continue
        captured = time.monotonic() - source.lag_s
        placed = ring.put(image, wait=source.rate > 0)
        if placed is not None:
            where = (placed.place, placed.place_bytes, placed.height, placed.width)
            say(picture=where, captured=captured, number=number)


def main() -> None:
    """Open the source that stdin names, and read it."""
    if sys.platform == "linux":  # not to outlive a parent that was killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    wire = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    words, say = Words(), Reporter(wire)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print
    cv2.setNumThreads(1)
    ring, ending = RingWriter(int(sys.argv[1])), threading.Event()
    wanted = Wanted(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_listen, args=(ring, ending), daemon=True).start()
    try:
        source = open_wanted(wanted)
        try:
            say(rate=float(source.rate))
            words.last()
            read_all(source, ring, say, ending)
        finally:
            source.close()
    except SourceEnded as ended:
        say(ended=str(ended))
    except SourceError as error:
        last = words.last()
        say(error=f"{error} ({last})" if last else str(error))
    except EdgecnnError as error:
        say(error=str(error))
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")


def _listen(ring: RingWriter, ending: threading.Event) -> None:
    while places := os.read(sys.stdin.fileno(), 64):
        for place in places:
            ring.release(place)
    ending.set()
    time.sleep(_GRACE_S)
    os._exit(0)  # what the main thread hangs in does not matter any more


if __name__ == "__main__":
    main()
