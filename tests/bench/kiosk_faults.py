"""Breaks everything around a running kiosk at random, and counts what it loses: nothing.

    PYTHONPATH=export:device OMP_NUM_THREADS=1 python tests/bench/kiosk_faults.py \
        --faults 1000 --folder build/faults [--seed 1] [--minutes 60]

The daemon runs as a process with three cameras (generated notes, a stream of a real RTSP server, a
folder of pictures), a webhook, a broker and a gallery; each fault is one of eight kinds, in blocks
that have every kind once, and takes half a second to six. During it somebody is enrolled now and
then, and after it once. Then is measured how long it takes until every camera has a processed
frame again and no event waits to be written, and for an outage of a receiver, until it gets what is
owed. At the end is compared what the WebSocket, the webhook and the broker were shown, and who was
enrolled, with what is in the store and the gallery.

Other work on the machine makes all of that slower, at a low priority by a lot: "most with a
processor" leaves out for how long that thread of the daemon could have run and was not let which
waited the longest (of several that wait for each other that is too little).

The run can be interrupted (Ctrl-C, SIGTERM, --minutes) and goes on where it was, in the same
folder. The status is 1 where anything was lost, came twice without an interruption, or came back
later than asked. A small disk is mounted where root may; GStreamer's RTSP server and mosquitto are
used where Debian's packages are installed, and what is missing is said.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kiosk_faults_journal import Audit, Entry, audit
from kiosk_faults_kinds import KINDS, Done, kind_of
from kiosk_faults_rig import BROKER_KINDS, HOOK_KINDS, Rig

from edgecnn.cli.output import print_table

_GIVE_UP_S = 90.0
_ON_THE_WAY = 4
"""Frames of a camera that may have been taken before the fault's end, and do not count: three in
the memory that is shared with its process, one in the slot."""


def run(rig: Rig, faults: int, seed: int, until: float) -> None:
    """Make the faults that are not made yet."""
    for index in range(len(rig.journal.of("fault")), faults):
        if time.monotonic() > until:
            return
        kind = kind_of(seed, index)
        draw = random.Random(f"{seed} {index}")
        done = KINDS[kind](rig, draw)
        entry = _recovered(rig, kind, index, done)
        rig.journal.add(entry)
        said = f"{index + 1:5} {kind}, {entry.note}: {entry.seconds:.1f} s, of them "
        said += f"{entry.starved:.1f} s without a processor {entry.wrong}"
        print(said, file=sys.stderr, flush=True)


def _recovered(rig: Rig, kind: str, index: int, done: Done) -> Entry:
    """Measure how long it takes until the daemon is back."""
    begun, wrong, queued = time.monotonic(), done.wrong, rig.queued()
    taken = _taken(rig, done.target)
    fresh = kind == "kill -9"
    before = {} if fresh else rig.processed()
    on_the_way = 0 if fresh else _ON_THE_WAY

    def back() -> bool:
        counts = rig.processed()
        new = (n - before.get(name, 0) for name, n in counts.items())
        return len(counts) == 3 and all(n > on_the_way for n in new)

    if not rig.until(lambda: back() and rig.healthy(), _GIVE_UP_S):
        wrong = wrong or f"not back within {_GIVE_UP_S:g} s"
    seconds, delivering = time.monotonic() - begun, 0.0
    starved = max((now - queued.get(t, 0.0) for t, now in rig.queued().items()), default=0.0)
    if done.target:
        if not rig.until(lambda: _taken(rig, done.target) > taken or not rig.owed(), _GIVE_UP_S):
            wrong = wrong or f"{done.target} got nothing within {_GIVE_UP_S:g} s"
        delivering = time.monotonic() - begun
    if not rig.enrol():
        wrong = wrong or "nobody could be enrolled afterwards"
    waited = min(starved, seconds)
    return Entry("fault", kind, index, done.variant, seconds, delivering, waited, wrong)


def _taken(rig: Rig, target: str) -> int:
    return sum(entry.note == target for entry in rig.journal.of("delivered"))


def finish(rig: Rig) -> Audit:
    """Let all be delivered, and compare."""
    rig.until(lambda: not rig.owed(), _GIVE_UP_S)
    time.sleep(1.0)  # the broker passes on
    stored = rig.stored()
    targets = {"webhook": HOOK_KINDS} | ({"mqtt": BROKER_KINDS} if rig.broker else {})
    shown = max((e.number for e in rig.journal.of("acknowledged")), default=0)
    settled = [event for event in stored if event.sequence <= shown]  # later ones are on their way
    return audit(rig.journal.entries, settled, rig.people(), targets)


def report(faults: Sequence[Entry], found: Audit, back_s: float) -> bool:
    """Print what came of it; returns whether all is as it must be."""
    rows = []
    for kind in KINDS:
        of_kind = [e for e in faults if e.key == kind]
        took = sorted(e.seconds for e in of_kind)
        if took:
            rows.append((kind, str(len(took)), f"{took[len(took) // 2]:.1f}",
                         f"{took[int(0.95 * (len(took) - 1))]:.1f}", f"{took[-1]:.1f}",
                         str(sum(t > back_s for t in took)),
                         f"{max(e.seconds - e.starved for e in of_kind):.1f}",
                         str(sum(e.seconds - e.starved > back_s for e in of_kind)),
                         str(sum(bool(e.wrong) for e in of_kind))))  # fmt: skip
    print_table(
        f"{len(faults)} faults, load {os.getloadavg()[0]:.1f}: seconds until back",
        ("fault", "count", "median", "p95", "most", f"over {back_s:g} s", "most with a processor",
         f"over {back_s:g} s", "wrong"), rows,
    )  # fmt: skip
    gone = sorted(e.delivering for e in faults if e.delivering)
    if gone:
        print(f"receiver gone: delivering again after median {gone[len(gone) // 2]:.1f} s, "
              f"at most {gone[-1]:.1f} s")  # fmt: skip
    print(f"events acknowledged {found.acknowledged}, lost {len(found.lost)} {found.lost[:5]}")
    print(f"enrolments acknowledged {found.enrolled}, lost {found.forgotten}")
    print(f"deliveries {found.delivered}, never made {len(found.undelivered)} "
          f"{found.undelivered[:5]}, ids mixed up {len(found.mixed)}")  # fmt: skip
    print(f"repeated {found.repeated}, of them without an interruption {len(found.unexcused)} "
          f"{found.unexcused[:5]}")  # fmt: skip
    for entry in faults:
        if entry.wrong:
            print(f"fault {entry.number + 1}, {entry.key}, {entry.note}: {entry.wrong}")
    late = any(entry.seconds > back_s or entry.wrong for entry in faults)
    return found.passed and not late


def main() -> None:
    """Run, or go on with a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="of the run; it goes on there")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop for now after so many")
    parser.add_argument("--back-s", type=float, default=10.0, help="the bar: back so soon (10)")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    rig = Rig(options.folder.resolve())
    try:
        rig.start()
        for part, there in (("RTSP server of GStreamer", rig.camera), ("mosquitto", rig.broker),
                            ("disk to fill", rig.disk.small)):  # fmt: skip
            if not there:
                print(f"no {part}: its faults are left out", file=sys.stderr)
        try:
            run(rig, options.faults, options.seed, until)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
        passed = report(rig.journal.of("fault"), finish(rig), options.back_s)
    finally:
        rig.close()
    raise SystemExit(not passed)


if __name__ == "__main__":
    main()
