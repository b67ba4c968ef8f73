"""The daemon: all parts put together, started in order, reloaded, and stopped within 5 seconds."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edgecnn.errors import EdgecnnError
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.events import Body, Event, SystemChanged
from edgecnn_device.kiosk.gauges import Gauges
from edgecnn_device.kiosk.line import Line
from edgecnn_device.kiosk.ops.begin import Begun
from edgecnn_device.kiosk.ops.notify import Notifier
from edgecnn_device.kiosk.ops.process import only_instance
from edgecnn_device.kiosk.ops.reload import Reload, Reloader
from edgecnn_device.kiosk.ops.secrets import Secrets
from edgecnn_device.kiosk.ops.signals import RELOAD, Signals
from edgecnn_device.kiosk.ops.stopping import Step, stop_all
from edgecnn_device.kiosk.ops.watchdog import Watchdog, slow_start, watchdog_interval
from edgecnn_device.kiosk.pipeline import Models, open_models
from edgecnn_device.kiosk.ports import CameraStatus, Health, LiveFrame, ModelStatus, People
from edgecnn_device.kiosk.store import Store, WriteCounter, clock_synchronized
from edgecnn_device.kiosk.store.outbox import Outbox
from edgecnn_device.kiosk.targets import make_targets

if TYPE_CHECKING:
    from edgecnn_device.kiosk.web import Server, TokenStore

_BEHIND_S = 600.0
"""A target that fails for so long is told of in health."""
_LOG = logging.getLogger(__name__)


class Daemon:
    """Everything that runs; implements `ports.Kiosk` for the web half."""

    def __init__(self, begun: Begun) -> None:
        """Open the store; nothing else runs yet.

        Raises:
            StorageError: the events cannot be written.
        """
        self._begun = begun
        self._config, self._secrets = begun.loaded.config, begun.secrets
        self._since = time.monotonic()
        self.store = Store.open(self._config.data / "events", self._config.storage)
        self._line = Line(self.store.add)
        self._outbox: Outbox | None = None
        self._server: Server | None = None
        self._tokens: TokenStore | None = None
        self._written = WriteCounter(self._config.data)

    def start(self) -> None:
        """Start cameras, deliveries, engine and the page, in this order.

        Cameras open while the models load; what is said of them goes on when the engine runs, and
        is owed to a target that is new, too.

        Raises:
            EdgecnnError: one of them cannot start; what was started is for `stop`.
        """
        self._line.start_cameras(self._config, self._secrets)
        models = open_models(self._config)
        self._outbox = Outbox(self.store, make_targets(self._config, self._secrets))
        self._start_line(self._config, self._secrets, models)
        self._server = self._serve(self._config)
        self.tell(SystemChanged("started", f"{len(self._config.cameras)} cameras"))

    def stop(self) -> tuple[str, ...]:
        """End all within 5 seconds; returns what is still at it."""
        stopped = stop_all((
            Step("cameras", self._line.stop_cameras, 1.0),
            Step("the pipeline", lambda: self._line.stop_engine(1.3), 1.4),
            Step("the page", self._stop_page, 1.2),
            Step("deliveries", self._stop_deliveries, 0.8),
            Step("the store", self._close_store, 0.6),
        ))  # fmt: skip
        return stopped.hung

    def _close_store(self) -> None:
        self.tell(SystemChanged("stopped", "as it was told to"))
        self.store.close()

    def _stop_page(self) -> None:
        if self._server is not None:
            self._server.stop(0.8)

    def _stop_deliveries(self) -> None:
        if self._outbox is not None:
            self._outbox.close()

    def tell(self, body: Body) -> None:
        """Store an event of the daemon's own; a store that cannot take it keeps it waiting."""
        self.store.add(Event(body, "", time.time(), clock_synchronized()))

    @property
    def url(self) -> str:
        """Where the page is; empty where there is none."""
        return self._server.url if self._server is not None else ""

    # What the web half asks for.

    @property
    def name(self) -> str:
        """Of this machine."""
        return self._config.name

    @property
    def people(self) -> People | None:
        """None where faces are off."""
        return self._line.engine.people

    @property
    def events(self) -> Store:
        """What was stored, and what comes."""
        return self.store

    def health(self) -> Health:
        """Return whether the daemon does its work."""
        engine, store = self._line.engine, self.store.status()
        alive = all(part.idle_s <= part.limit_s for part in engine.progress())
        reasons = list(engine.reasons())
        if self._server is not None and not self._server.alive:
            alive = False
            reasons.append("the page does not answer")
        if store.reason:
            reasons.append(f"{store.waiting} events wait to be written: {store.reason}")
        for target in self._outbox.status() if self._outbox else ():
            if target.failing_s > _BEHIND_S:
                reasons.append(f"{target.name} takes no events: {target.reason}")
        return Health(
            alive=alive, ready=engine.ready, reasons=tuple(reasons),
            uptime_s=time.monotonic() - self._since, synchronized=clock_synchronized(),
            cameras=tuple(engine.cameras()), models=engine.models(),
            undelivered=self._outbox.undelivered() if self._outbox else 0,
        )  # fmt: skip

    def cameras(self) -> Sequence[CameraStatus]:
        """Return all cameras, in the order of the configuration."""
        return self._line.engine.cameras()

    def live(self, camera: str, after: int, timeout_s: float) -> LiveFrame | None:
        """Return the newest processed frame; see `ports.Kiosk.live`."""
        return self._line.engine.live(camera, after, timeout_s)

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return self._line.engine.metrics.text()

    def diagnose(self) -> bytes:
        """Return a zip that explains rejected reads and faces."""
        return self._line.engine.diagnose()

    def set_bundle(self, role: str, path: str) -> ModelStatus:
        """Try a new bundle, and take it where it proves itself, until the next start."""
        return self._line.engine.set_bundle(role, path)

    # Reload.

    def apply(self, reload: Reload) -> None:
        """Take a new configuration into use, and start again what it touches.

        Raises:
            EdgecnnError: it cannot be; the old one goes on.
        """
        config, plan = reload.loaded.config, reload.plan
        if plan.everything:
            raise EdgecnnError(
                "name, data and bundles.threads count from the start on: "
                "systemctl restart edgecnn-kiosk"
            )
        self._begun.redactor.hide(reload.secrets.words())
        if plan.engine or plan.stop_cameras or plan.start_cameras:
            self._swap_line(reload)
        if plan.storage:
            self.store.configure(config.storage)
        if plan.targets:
            targets = make_targets(config, reload.secrets)
            if self._outbox is not None:
                self._outbox.close()
            self._outbox = Outbox(self.store, targets)
        if plan.web:
            self._swap_server(config)
        self._config, self._secrets = config, reload.secrets

    def _swap_line(self, reload: Reload) -> None:
        config, plan = reload.loaded.config, reload.plan
        # Before anything is stopped: a bundle that cannot be opened must not cost the old one.
        models = open_models(config) if plan.engine else self._line.engine.bundles
        before = self._line.engine.bundles
        self._line.stop_engine(3.0)
        self._line.stop_cameras(plan.stop_cameras)
        try:
            self._start_line(config, reload.secrets, models)
        except EdgecnnError:
            self._line.stop_cameras(plan.start_cameras)
            self._start_line(self._config, self._secrets, before)
            raise

    def _swap_server(self, config: KioskConfig) -> None:
        if self._server is not None:
            self._server.stop()
        try:
            self._server = self._serve(config)
        except EdgecnnError:
            self._server = self._serve(self._config)
            raise

    def _start_line(self, config: KioskConfig, secrets: Secrets, models: Models) -> None:
        self._line.start(config, secrets, models)
        self._line.engine.metrics.registry.register(
            Gauges(self._line.captures, self.store.status,
                   lambda: self._outbox.status() if self._outbox else (), self._written.sample)
        )  # fmt: skip

    def _serve(self, config: KioskConfig) -> Server | None:
        if not config.web.enabled:
            return None
        # When frames are processed already: to load a web framework takes as long as all else.
        from edgecnn_device.kiosk.web import Server, TokenStore, create_app

        if self._tokens is None:
            self._tokens = TokenStore(self._config.data)
        app = create_app(
            self, config.web, self._tokens, consent=config.faces.consent,
            bundles=config.data / "bundles",
        )  # fmt: skip
        server = Server(app, config.web, insecure_http=self._begun.insecure_http)
        server.start()
        return server


def run(begun: Begun, started: Callable[[str], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status.

    Args:
        begun: of `ops.begin`.
        started: is told the page's address, once it is there.

    Raises:
        EdgecnnError: the daemon cannot start.
    """
    notifier = Notifier()
    with only_instance(begun.loaded.config.data), Signals() as signals:
        daemon = Daemon(begun)
        try:
            with slow_start(notifier):
                daemon.start()
        except BaseException:
            daemon.stop()
            raise
        if started is not None:
            started(daemon.url)
        hung = _serve_until_told(daemon, begun, notifier, signals)
    if hung:
        _LOG.error("left behind: %s", ", ".join(hung))
        logging.shutdown()
        os._exit(1)
    return 0


def _serve_until_told(
    daemon: Daemon, begun: Begun, notifier: Notifier, signals: Signals
) -> tuple[str, ...]:
    reloader = Reloader(begun.loaded, daemon.apply, daemon.tell, notifier, begun.insecure_http)
    reloader.start()
    interval = watchdog_interval()
    watchdog = Watchdog(
        notifier, lambda: daemon.health().alive, interval or 30.0, lambda: _status(daemon)
    )  # fmt: skip
    watchdog.start()
    notifier.ready(_status(daemon))
    _LOG.info("running%s", f": {daemon.url}" if daemon.url else "")
    try:
        while signals.wait() in (RELOAD, None):
            reloader.request()
    finally:
        notifier.stopping()
        watchdog.stop(0.2)
        reloader.stop(0.2)
        hung = daemon.stop()
    return hung


def _status(daemon: Daemon) -> str:
    """Return a line for people."""
    health = daemon.health()
    live = sum(camera.state == "live" for camera in health.cameras)
    parts = [f"{live} of {len(health.cameras)} cameras live", *health.reasons]
    return "; ".join(parts)
