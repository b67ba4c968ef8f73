"""The faults: each breaks something for a while, and says what did not go as it must meanwhile.

A fault returns when it is over; from then on counts the time until the daemon is back.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
import urllib.error
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeAlias

from kiosk_faults_journal import Entry
from kiosk_faults_outside import Manner
from kiosk_faults_rig import RESTART_S, Rig

_SHORT_S, _LONG_S = 0.5, 6.0


@dataclass(frozen=True)
class Done:
    """A fault that is over."""

    variant: str
    wrong: str = ""
    """What did not go as it must; empty where all did."""
    target: str = ""
    """Which receiver was gone."""


Fault: TypeAlias = Callable[[Rig, random.Random], Done]


def source_gone(rig: Rig, draw: random.Random) -> Done:
    """A camera's server is killed, the folder is moved away, or the reading process is killed."""
    variant = draw.choice(["server", "folder", "process"] if rig.camera else ["folder", "process"])
    if variant == "server" and rig.camera:
        rig.camera.stop()
        time.sleep(draw.uniform(_SHORT_S, _LONG_S))
        rig.camera.start()
    elif variant == "folder":
        away = rig.pictures.with_name("away")
        rig.pictures.rename(away)
        time.sleep(draw.uniform(_SHORT_S, _LONG_S))
        away.rename(rig.pictures)
    else:
        _signal(draw.choice(rig.children() or [0]), signal.SIGKILL)
    return Done(variant)


def source_stalled(rig: Rig, draw: random.Random) -> Done:
    """A camera's server, or the process that reads it, stands still."""
    variant = draw.choice(["server", "process"] if rig.camera else ["process"])
    seconds = draw.uniform(_SHORT_S, _LONG_S)
    if variant == "server" and rig.camera:
        rig.camera.send(signal.SIGSTOP)
        time.sleep(seconds)
        rig.camera.send(signal.SIGCONT)
    else:
        child = draw.choice(rig.children() or [0])
        _signal(child, signal.SIGSTOP)
        time.sleep(seconds)
        _signal(child, signal.SIGCONT)  # the daemon may have replaced it
    return Done(variant)


def corrupt_frame(rig: Rig, draw: random.Random) -> Done:
    """Pictures are cut short, empty, noise or text; or bytes of a stream flip on the way."""
    spoils: dict[str, Callable[[bytes], bytes]] = {
        "cut": lambda data: data[: len(data) // 3], "empty": lambda data: b"",
        "noise": lambda data: os.urandom(len(data)), "text": lambda data: b"GIF89a, or not",
    }  # fmt: skip
    variant = draw.choice([*spoils, "stream"] if rig.relay else [*spoils])
    if variant == "stream" and rig.relay:
        rig.relay.spoils = True
        time.sleep(draw.uniform(_SHORT_S, _LONG_S))
        rig.relay.spoils = False
        return Done(variant)
    rig.write_pictures(spoils[variant])
    time.sleep(draw.uniform(_SHORT_S, _LONG_S))
    rig.write_pictures()
    return Done(variant)


def bundle_swapped(rig: Rig, draw: random.Random) -> Done:
    """A good bundle is taken; a damaged one, and one of another kind, are refused."""
    variant = draw.choice(["good", "shipped", "damaged", "other", "other embedder"])
    names = {"shipped": "note-detector", "other embedder": "other.edge"}
    role = "face-embedder" if variant == "other embedder" else "note-detector"
    body = {"role": role, "name": names.get(variant, f"{variant}.edge")}
    try:
        rig.ask("bundles", body, 40.0)
        taken = True
    except urllib.error.HTTPError as error:
        taken = False
        if "on trial" in str(error.msg):
            return Done(f"{variant}, while one is on trial")
    if taken != (variant in ("good", "shipped")):
        return Done(variant, f"{variant} was {'taken' if taken else 'refused'}")
    return Done(variant)


def database_locked(rig: Rig, draw: random.Random) -> Done:
    """Another process holds the write lock of a database."""
    variant = draw.choice(["events", "gallery", "keystore"])
    path = rig.data / ("events/events.db" if variant == "events" else f"{variant}.db")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5.0)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        rig.provoke()
        if draw.random() < 0.5:
            rig.enrol(draw.uniform(_SHORT_S, _LONG_S))
        time.sleep(draw.uniform(_SHORT_S, _LONG_S))
        holder.execute("ROLLBACK")
    return Done(variant)


def disk_full(rig: Rig, draw: random.Random) -> Done:
    """The disk is filled to its last byte, or less is free than the configuration asks for."""
    variant = draw.choice(["full", "below free_mb"] if rig.disk.small else ["below free_mb"])
    if variant == "full":
        rig.disk.fill()
    else:
        rig.reload(free_mb=1_000_000)
    rig.provoke()
    rig.enrol()
    time.sleep(draw.uniform(_SHORT_S, _LONG_S))
    if variant == "full":
        rig.disk.free()
    else:
        rig.reload(free_mb=0)
    return Done(variant)


def outbox_gone(rig: Rig, draw: random.Random) -> Done:
    """The receiver of webhooks refuses, fails or breaks off; the broker stops or stands still."""
    manners: list[Manner] = ["refuses", "fails", "breaks off"]
    brokers = ["broker stopped", "broker stalled"] if rig.broker else []
    variant = draw.choice([*manners, *brokers])
    seconds = draw.uniform(_SHORT_S, _LONG_S)
    if variant == "broker stopped" and rig.broker:
        rig.journal.add(Entry("interrupted", "mqtt"))
        rig.broker.stop(signal.SIGTERM)  # it keeps what it took: losses would be its own
        rig.provoke()
        time.sleep(seconds)
        rig.broker.start()
    elif variant == "broker stalled" and rig.broker:
        rig.journal.add(Entry("interrupted", "mqtt"))
        rig.broker.send(signal.SIGSTOP)
        rig.provoke()
        time.sleep(seconds)
        rig.broker.send(signal.SIGCONT)
    elif variant == "refuses":
        rig.receiver.stop()
        rig.provoke()
        time.sleep(seconds)
        rig.receiver.start()
    else:
        rig.receiver.manner = next(m for m in manners if m == variant)
        rig.provoke()
        time.sleep(seconds)
        rig.receiver.manner = "takes"
    return Done(variant, target="mqtt" if variant in brokers else "webhook")


def killed(rig: Rig, draw: random.Random) -> Done:
    """The daemon is killed, and started again as systemd would."""
    variant = draw.choice(["delivering", "enrolling"])
    rig.provoke()
    if variant == "enrolling":
        enrolling = threading.Thread(target=rig.enrol)
        enrolling.start()
        time.sleep(draw.uniform(0, 0.3))
        rig.kill_daemon()
        enrolling.join()
    else:
        rig.kill_daemon()
    time.sleep(RESTART_S)
    rig.start_daemon()
    return Done(variant)


KINDS: dict[str, Fault] = {
    "source gone": source_gone, "source stalled": source_stalled, "corrupt frame": corrupt_frame,
    "bundle swapped": bundle_swapped, "database locked": database_locked, "disk full": disk_full,
    "outbox target gone": outbox_gone, "kill -9": killed,
}  # fmt: skip


def kind_of(seed: int, index: int) -> str:
    """Return the kind of a fault: each block of eight has every kind once, in an order drawn."""
    block, place = divmod(index, len(KINDS))
    order = list(KINDS)
    random.Random(f"{seed} {block}").shuffle(order)
    return order[place]


def _signal(process: int, number: signal.Signals) -> None:
    if process:
        with suppress(ProcessLookupError):
            os.kill(process, number)
