"""The daemon's configuration: one pydantic model per section, and nothing that is not in it.

Secrets are never in it, but in files that it names (`edgecnn_device.kiosk.ops.secrets`). Seconds,
days, pixels and megabytes are in the names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""Of a camera: lower case, digits, - and _; it becomes part of topics, addresses and metrics."""
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)]


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraConfig(Section):
    """Where frames come from."""

    source: str = Field(min_length=1, max_length=2048)
    """usb:N or /dev/videoN, csi:N, rtsp://..., a video, a directory, synthetic:notes or
    synthetic:heads."""
    password_file: Path | None = None
    """Of an RTSP address with a user and without a password."""
    width: int | None = Field(None, ge=64, le=7680)
    """Pixels to ask the camera for; also the width of a synthetic one."""
    height: int | None = Field(None, ge=64, le=4320)
    rate: float | None = Field(None, gt=0, le=240)
    """Frames per second to ask the camera for; files: default their own."""
    paced: bool = True
    """Whether a file is played at its rate; else as fast as it is processed."""
    loop: bool = False
    """Whether a file begins again at its end."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise by which its pictures are turned."""
    deadline_s: Seconds = 5.0
    """Without a frame for so long it counts as stalled, and is opened again."""
    backoff_s: Seconds = 1.0
    """Before the first attempt to open it again; doubles each time, with jitter."""
    most_backoff_s: Seconds = 8.0
    """Of these waits; with the connection itself a camera is back about 10 s after it can be."""
    notes: bool = True
    """Whether its notes are read."""
    faces: bool = True
    """Whether its faces are looked at, where `faces` is configured at all."""


class NotesConfig(Section):
    """Reading banknotes."""

    enabled: bool = True
    detector: str = "note-detector"
    """A path or the name of a shipped bundle."""
    reader: str = "serial-reader"


class FacesConfig(Section):
    """Recognizing people; off by default."""

    enabled: bool = False
    detector: str = "face-detector"
    points: str | None = "face-points"
    """Looks at the points of a found face once more; None: the detector's will do (YuNet's)."""
    embedder: str = "face-embedder"
    variant: str | None = None
    """Of the embedder, as FORMAT-PRECISION; a gallery belongs to one."""
    gallery: Path = Path("gallery.db")
    """Relative paths are below `data`."""
    keystore: Path = Path("keystore.db")
    key_file: Path | None = None
    """Master key, 0600; None: the systemd credential."""
    fmr: float | None = Field(None, gt=0, lt=1)
    """Rate of false matches of a decision; default: of the bundle's curve."""
    watch: bool = False
    """Whether everybody in view is identified; else a face is looked at only when asked for, on the
    page or through the API."""
    frames: int = Field(5, ge=1, le=20)
    """Good frames of a person on which is decided."""
    agree: int = Field(3, ge=1, le=20)
    """Of them so many must name the same person."""
    consent: str = Field("", max_length=4000)
    """Shown before an enrolment, and accepted by a tick; default: a text in the page's language."""


class TlsConfig(Section):
    """HTTPS by the daemon itself."""

    certificate: Path
    """PEM, with the chain."""
    key: Path


class WebConfig(Section):
    """The page and the API."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8460, ge=0, le=65535)
    """0: any free one."""
    tls: TlsConfig | None = None
    origins: tuple[str, ...] = ()
    """Addresses by which browsers reach it, where a proxy stands before it; https://kiosk.example"""
    live_rate: float = Field(10.0, gt=0, le=60)
    """Frames per second of the live view, at most."""
    live_width: int = Field(960, ge=160, le=3840)
    viewers: int = Field(16, ge=1, le=256)
    """Streams at once."""
    session_h: float = Field(12.0, gt=0, le=168)
    """Hours that a login of the page lasts."""


class RetentionConfig(Section):
    """How long events are kept, in days, and whether pictures are."""

    note: Days = 90.0
    face: Days = 30.0
    camera: Days = 30.0
    system: Days = 365.0
    thumbnails: Days | None = None
    """Of notes alone, never of faces; None: none is made."""


class StorageConfig(Section):
    """Where events are kept, and how much of the disk they may take."""

    quota_mb: int = Field(512, ge=16, le=1_000_000)
    """Of events and thumbnails. Over it the oldest thumbnails go first, then the oldest delivered
    events; what is not delivered yet stays."""
    free_mb: int = Field(64, ge=0, le=1_000_000)
    """Left free on the disk in any case: below it the thumbnails go, and new events wait."""
    retention: RetentionConfig = RetentionConfig()


class MqttConfig(Section):
    """Events to an MQTT broker, at least once."""

    host: str = Field(min_length=1)
    port: int = Field(1883, ge=1, le=65535)
    tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    topic: str = Field("edgecnn", pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")
    """Prefix of every topic."""
    kinds: tuple[Literal["note", "face", "camera", "system"], ...] = ("note", "camera", "system")
    discovery: str | None = "homeassistant"
    """Prefix of Home Assistant's discovery; None: no discovery."""


class WebhookConfig(Section):
    """Events by POST, at least once, each signed (HMAC-SHA256)."""

    url: str = Field(pattern=r"^https?://[^\s@]+$", max_length=2048)
    """Without credentials in it."""
    secret_file: Path
    """Of the signature; 16 bytes or more."""
    kinds: tuple[Literal["note", "face", "camera", "system"], ...] = ("note",)
    timeout_s: Seconds = 10.0
    ca_file: Path | None = None


class BundlesConfig(Section):
    """Which bundles may run, and on how many threads."""

    trusted_keys: tuple[Path, ...] = ()
    """Public keys, PEM. Where any is named, a bundle must be signed by one of them."""
    threads: int = Field(1, ge=1, le=64)
    measure: bool = True
    """Whether the first start measures the variants; else the manifest's first runs."""


class KioskConfig(Section):
    """The whole file."""

    name: Name = "kiosk"
    """Of this machine, in topics and events."""
    data: Path = Path("/var/lib/edgecnn")
    """Folder of everything the daemon writes."""
    cameras: dict[Name, CameraConfig] = Field(min_length=1, max_length=16)
    staleness_s: Annotated[float, Field(gt=0, le=60)] = 0.5
    """A frame older than that is dropped, never processed."""
    notes: NotesConfig = NotesConfig()
    faces: FacesConfig = FacesConfig()
    web: WebConfig = WebConfig()
    storage: StorageConfig = StorageConfig()
    mqtt: MqttConfig | None = None
    webhooks: tuple[WebhookConfig, ...] = Field((), max_length=8)
    bundles: BundlesConfig = BundlesConfig()

    @model_validator(mode="after")
    def _does_something(self) -> KioskConfig:
        if not (self.notes.enabled or self.faces.enabled):
            raise ValueError("expected notes or faces to be enabled, both are off")
        if self.faces.agree > self.faces.frames:
            raise ValueError("faces.agree: expected at most faces.frames")
        return self
