from __future__ import annotations

import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edgecnn.errors import CheckpointError, EdgecnnError, InputError
from edgecnn.models.weights import DownloadOptions, fetch
from edgecnn.models.weights.download import cache_folder

DATA = bytes(range(256)) * 4000  # 1 MB: several pieces
SHA256 = hashlib.sha256(DATA).hexdigest()
QUICK = DownloadOptions(timeout_s=5, attempts=3, backoff_s=0.001)


class Server(ThreadingHTTPServer):
    """Serves `data`, as badly as told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.ranges = True
        self.cuts: list[int] = []
        """How many bytes the next answers send before the connection breaks."""
        self.statuses: list[int] = []
        """What the next answers say instead of the data."""
        self.location = ""
        self.says_length = True
        self.wait = threading.Event()
        self.wait.set()
        self.seen: list[str | None] = []
        """Range header of each request."""
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/weights"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast(Server, self.server)
        server.seen.append(self.headers.get("Range"))
        server.wait.wait(10)
        if server.statuses:
            self.send_response(server.statuses.pop(0))
            self.send_header("Location", server.location)
            self.end_headers()
            return
        start = 0
        if server.ranges and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.data):
                self.send_error(416)
                return
        body = server.data[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.data) - 1}/{len(server.data)}"
            )
        if server.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests clean."""


def _serve(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.wait.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    yield from _serve(Server())


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and self-signed certificate of 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1)).add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.scheme = "https"
    yield from _serve(server)


def test_a_file_is_downloaded_once_and_lies_in_the_cache(server: Server) -> None:
    steps: list[tuple[int, int | None]] = []
    path = fetch(server.url, SHA256, progress=lambda done, total: steps.append((done, total)))
    assert path == cache_folder() / SHA256
    assert path.read_bytes() == DATA
    assert steps[-1] == (len(DATA), len(DATA)) and steps == sorted(steps)
    assert fetch(server.url, SHA256) == path
    assert server.seen == [None]


def test_a_download_resumes_where_the_connection_broke(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000, 200_000]
    assert fetch(server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA
    assert server.seen == [None, "bytes=300000-", "bytes=500000-"]


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.cuts, server.ranges = [300_000], False
    assert fetch(server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA
    assert server.seen == [None, "bytes=300000-"]


def test_the_next_call_resumes_what_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000] * 3
    with pytest.raises(EdgecnnError, match=r"broke 3 times.*300000 of 1024000.*resume"):
        fetch(server.url, SHA256, folder=tmp_path, options=QUICK)
    assert not (tmp_path / SHA256).exists()
    fetch(server.url, SHA256, folder=tmp_path, options=QUICK)
    assert server.seen[-1] == "bytes=300000-"


def test_a_file_that_changed_meanwhile_is_refused_and_the_part_dropped(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(b"of another file")
    with pytest.raises(CheckpointError, match=f"expected a file with sha256 {SHA256}, got"):
        fetch(server.url, SHA256, folder=tmp_path, options=QUICK)
    assert [p.name for p in tmp_path.iterdir()] == [f"{SHA256}.lock"]
    assert fetch(server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA


def test_a_part_that_is_too_long_is_dropped(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(DATA + b"more")
    assert fetch(server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA
    assert server.seen == [f"bytes={len(DATA) + 4}-", None]


def test_wrong_content_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.data = b"<html>not the weights</html>"
    with pytest.raises(CheckpointError, match=r"got [0-9a-f]{64}: nothing was kept"):
        fetch(server.url, SHA256, folder=tmp_path, options=QUICK)
    assert [p.name for p in tmp_path.iterdir()] == [f"{SHA256}.lock"]


def test_a_damaged_file_of_the_cache_is_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / SHA256).write_bytes(b"rotten")
    assert fetch(server.url, SHA256, folder=tmp_path).read_bytes() == DATA


def test_a_missing_file_is_said_at_once(server: Server, tmp_path: Path) -> None:
    server.statuses = [404]
    with pytest.raises(CheckpointError, match="answered 404 Not Found"):
        fetch(server.url, SHA256, folder=tmp_path, options=QUICK)
    assert len(server.seen) == 1


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert fetch(server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path) -> None:
    server.wait.clear()
    options = DownloadOptions(timeout_s=0.05, attempts=2, backoff_s=0.001)
    with pytest.raises(EdgecnnError, match="broke 2 times, last: timed out"):
        fetch(server.url, SHA256, folder=tmp_path, options=options)


def test_no_server_at_all_is_one_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(EdgecnnError, match=r"broke 3 times.*refused"):
        fetch(f"http://127.0.0.1:{port}/weights", SHA256, folder=tmp_path, options=QUICK)


@pytest.mark.parametrize("says_length", [True, False])
def test_a_larger_file_than_the_limit_is_refused(
    server: Server, tmp_path: Path, says_length: bool
) -> None:
    server.says_length = says_length
    with pytest.raises(CheckpointError, match="limit of 500000"):
        fetch(server.url, SHA256, folder=tmp_path, options=DownloadOptions(limit=500_000))
    assert not list(tmp_path.glob("*.part"))


def test_two_at_once_download_once(server: Server, tmp_path: Path) -> None:
    server.wait.clear()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fetch, server.url, SHA256, folder=tmp_path) for _ in range(2)]
        server.wait.set()
        paths = [one.result() for one in both]
    assert paths[0] == paths[1] and paths[0].read_bytes() == DATA
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/w", "file:///etc/passwd", "ftp://127.0.0.1/w", "weights.pth", "https:///w",
        "https://host:port/w", "https://host/a b", "https://me:secret@host/w",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        fetch(url, SHA256, folder=tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("location", ["http://example.com/w", "ftp://127.0.0.1/w"])
def test_a_redirect_is_checked_too(server: Server, tmp_path: Path, location: str) -> None:
    server.statuses, server.location = [302], location
    with pytest.raises(InputError, match="expected https"):
        fetch(server.url, SHA256, folder=tmp_path, options=QUICK)


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.statuses, server.location = [302], "/elsewhere"
    assert fetch(server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA


def test_https_is_never_left_for_http(
    server: Server, tls_server: Server, certificate: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_server.statuses, tls_server.location = [302], server.url
    with pytest.raises(InputError, match="refused, it is not https"):
        fetch(tls_server.url, SHA256, folder=tmp_path, options=QUICK)
    assert fetch(tls_server.url, SHA256, folder=tmp_path, options=QUICK).read_bytes() == DATA
    assert server.seen == []


def test_an_unknown_certificate_is_refused(tls_server: Server, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="certificate is not valid"):
        fetch(tls_server.url, SHA256, folder=tmp_path, options=QUICK)


def test_a_cache_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot keep"):
        fetch(server.url, SHA256, folder=tmp_path / "file")
