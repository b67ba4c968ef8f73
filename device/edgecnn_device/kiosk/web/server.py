"""The web server: uvicorn in a thread, on a socket of its own, and gone within seconds."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.web.app import parts_of
from edgecnn_device.kiosk.web.hosts import check_exposure, is_address
from edgecnn_device.kiosk.web.protocol import CLIENTS_LOG, GuardedHttp, GuardedWebSocket

STOP_S = 3.0
HANDSHAKE_S = 10.0
"""For a client to do its part of TLS; asyncio's default is a minute."""
_HEADER_BYTES = 16 * 1024
_SEND_BYTES = 128 * 1024
"""Of the kernel's buffer: what lies there of a live view is old by the time it is read."""
_MESSAGE_BYTES = 4096
"""That a client may send by WebSocket."""
_log = logging.getLogger(__name__)


class Server:
    """Serves an app of `create_app` until told to stop.

    Args:
        app: the app.
        config: address, port and TLS.
        insecure_http: whether other machines may connect without TLS.

    Raises:
        InputError: the address may not be used like that, or the TLS files cannot be.
    """

    def __init__(self, app: FastAPI, config: WebConfig, *, insecure_http: bool = False) -> None:
        check_exposure(config, insecure_http)
        self._app, self._config = app, config
        self._server = uvicorn.Server(_uvicorn_config(app, config))
        self._thread = threading.Thread(target=self._run, name="kiosk-web", daemon=True)
        self._socket: socket.socket | None = None
        self._port = config.port

    @property
    def port(self) -> int:
        """The one listened on, also where the configuration said any."""
        return self._port

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._config.host, self._config.host)
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"http{'s' if self._config.tls else ''}://{host}:{self.port}/"

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive() and self._server.started

    def start(self, timeout_s: float = 10.0) -> None:
        """Listen; returns once connections are taken.

        Raises:
            InputError: the address cannot be listened on.
        """
        logging.getLogger(CLIENTS_LOG).setLevel(logging.ERROR)
        parts_of(self._app).open()
        self._socket = _listen(self._config)
        self._port = self._socket.getsockname()[1]
        self._thread.start()
        deadline = time.monotonic() + timeout_s
        while not self._server.started and self._thread.is_alive():
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        if not self.alive:
            self.stop()
            raise InputError(f"the page at {self.url} did not start: see the log")
        _log.info("the page is at %s", self.url)

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Let requests end, close what lasts, and return; calls that wait are left behind."""
        parts_of(self._app).close()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(0.5)
        if self._thread.is_alive():
            _log.warning("the web server did not end in time")
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        loop = _Loop()
        assert self._socket is not None
        try:
            loop.run_until_complete(self._server.serve([self._socket]))
            loop.run_until_complete(_finish())
        except (Exception, SystemExit):
            _log.exception("the web server ended")
        finally:
            loop.close()


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose servers do not wait long for a TLS handshake."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Return a server; uvicorn has no option for these deadlines."""
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = HANDSHAKE_S
        return await super().create_server(*args, **kwargs)


async def _finish() -> None:
    """End what the server left behind."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()


def _uvicorn_config(app: FastAPI, config: WebConfig) -> uvicorn.Config:
    tls = config.tls
    made = uvicorn.Config(
        app, http=GuardedHttp, ws=GuardedWebSocket, loop="asyncio", lifespan="on",
        log_config=None, log_level="warning", access_log=False, server_header=False,
        # Behind a proxy its word counts for address and scheme; else nobody's does.
        proxy_headers=bool(config.origins), forwarded_allow_ips="127.0.0.1,::1",
        ws_max_size=_MESSAGE_BYTES, ws_per_message_deflate=False,
        h11_max_incomplete_event_size=_HEADER_BYTES, timeout_graceful_shutdown=1,
        ssl_certfile=tls.certificate if tls else None, ssl_keyfile=tls.key if tls else None,
    )  # fmt: skip
    try:
        made.load()
    except (OSError, ssl.SSLError) as error:
        assert tls is not None
        raise InputError(
            f"web.tls: {tls.certificate} and {tls.key} cannot be used: {error}"
        ) from error
    return made


def _listen(config: WebConfig) -> socket.socket:
    host = config.host.strip("[]")
    family = socket.AF_INET6 if ":" in host and is_address(host) else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
    try:
        made.bind((host, config.port))
        made.listen(64)
    except OSError as error:
        made.close()
        raise InputError(
            f"web: cannot listen on {config.host}:{config.port}: {error.strerror}: choose another "
            "web.port, or end what uses it"
        ) from error
    made.setblocking(False)
    return made
