"""Reads the configuration again on SIGHUP, and keeps the last good one where that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edgecnn.errors import ConfigError, EdgecnnError
from edgecnn_device.kiosk.events import SystemChanged
from edgecnn_device.kiosk.ops.checks import load_checked
from edgecnn_device.kiosk.ops.files import digests, touched
from edgecnn_device.kiosk.ops.load import Loaded
from edgecnn_device.kiosk.ops.notify import Notifier
from edgecnn_device.kiosk.ops.plan import Changes, Plan, changes, make_plan
from edgecnn_device.kiosk.ops.secrets import Secrets, read_secrets

_LOG = logging.getLogger(__name__)
_TOLD = 5
"""Faults that an event names; the log has them all."""


@dataclass(frozen=True)
class Reload:
    """A configuration that is good, and what it asks for."""

    loaded: Loaded
    secrets: Secrets
    changes: Changes
    plan: Plan


class Reloader(threading.Thread):
    """Waits to be asked, loads, checks, and hands on what changed.

    Args of the constructor:
        current: what the daemon runs with.
        apply: takes a good one into use, on this thread; an `EdgecnnError` keeps the old one.
        tell: publishes what happened.
        notifier: systemd is told that a reload is under way, and when it ended.
        insecure_http: as the daemon was started.
    """

    def __init__(
        self, current: Loaded, apply: Callable[[Reload], None],
        tell: Callable[[SystemChanged], None], notifier: Notifier, insecure_http: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name="reload", daemon=True)
        self.current = current
        """The last good one."""
        self._files = digests(current.config)
        self._apply, self._tell, self._notifier = apply, tell, notifier
        self._insecure_http = insecure_http
        self._asked, self._ended = threading.Event(), False

    def request(self) -> None:
        """Ask for a reload; several at once are one. Not for a signal handler: see `signals`."""
        self._asked.set()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """End the thread; returns whether it did in time."""
        self._ended = True
        self._asked.set()
        if self.is_alive():
            self.join(timeout_s)
        return not self.is_alive()

    def run(self) -> None:
        """Reload each time it is asked for, until `stop`."""
        while self._asked.wait() and not self._ended:
            self._asked.clear()
            self._notifier.reloading()
            try:
                self._say(self._reload())
            except Exception:
                _LOG.exception("the configuration could not be taken; the old one goes on")
                self._say("kept the old one: a fault of the daemon itself, see its log")
            finally:
                self._notifier.ready()

    def _reload(self) -> str:
        """Load and apply; returns what to tell."""
        path = self.current.path
        try:
            loaded, report = load_checked(path, insecure_http=self._insecure_http, starting=True)
            secrets = read_secrets(loaded.config, str(path))
        except ConfigError as error:
            for fault in error.faults:
                _LOG.error("configuration: %s", fault)
            keys = ", ".join(dict.fromkeys(f.key or "the file" for f in error.faults[:_TOLD]))
            return f"kept the old one: {len(error.faults)} faults, at {keys}"
        for fault in report.warnings:
            _LOG.warning("configuration: %s", fault)
        files = digests(loaded.config)
        found = changes(self.current.config, loaded.config, touched(self._files, files))
        if not found:
            return "read again, nothing changed"
        plan = make_plan(found)
        try:
            self._apply(Reload(loaded, secrets, found, plan))
        except EdgecnnError as error:
            _LOG.error("configuration: %s", error)
            return "kept the old one: it could not be taken into use, see the log"
        self.current, self._files = loaded, files
        return f"{found}; started again: {plan}"

    def _say(self, detail: str) -> None:
        _LOG.info("configuration: %s", detail)
        self._tell(SystemChanged("configuration", detail))
