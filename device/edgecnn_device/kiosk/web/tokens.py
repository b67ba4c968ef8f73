"""Bearer tokens: what they may do, kept so that the file of them lets nobody in."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from edgecnn.errors import InputError
from edgecnn.files import write_atomic

Role: TypeAlias = Literal["view", "operate", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what the ones before it may."""
FILE = "tokens.json"
USED_FILE = "tokens-used.json"
MOST_TOKENS = 256
_SECRET_BYTES = 32
_Stamp: TypeAlias = tuple[int, int, int] | None
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenRow:
    """A token without its secret."""

    id: str
    """8 hex digits; they stand in the token, and in logs."""
    role: Role
    created: int
    """Seconds since 1970, UTC."""
    last_used: int | None = None
    """Likewise, at most `app.FLUSH_S` late; None: never."""


@dataclass(frozen=True)
class _Kept:
    row: TokenRow
    sha256: str


class TokenStore:
    """The tokens of a kiosk: read by the daemon, changed by the command line while it runs.

    A token carries 256 random bits, so its SHA-256 cannot be turned back by trying: a slow hash
    guards passwords, which people choose, and would cost a board tens of milliseconds with every
    request. The file is replaced whole, hence it is read without a lock, and again whenever it
    changed: a revoked token is refused from the next request on.

    Args:
        folder: of the daemon's data; must exist. Its owner owns what is written into it.

    Raises:
        InputError: there is a file of tokens that cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._used_path = folder / FILE, folder / USED_FILE
        self._lock = threading.Lock()
        self._stamp = _stamp(self._path)
        self._kept = self._read()
        self._used: dict[str, int] = {}
        self._absent = hashlib.sha256(secrets.token_bytes(_SECRET_BYTES)).hexdigest()

    def add(self, role: Role) -> tuple[TokenRow, str]:
        """Make a token; returns it whole, this once.

        Raises:
            InputError: there are too many, or the file cannot be written.
        """
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        with self._changing() as kept:
            if len(kept) >= MOST_TOKENS:
                raise InputError(f"{self._path}: {MOST_TOKENS} tokens at most: revoke some first")
            row = TokenRow(_new_id(kept), role, int(time.time()))
            kept[row.id] = _Kept(row, hashlib.sha256(secret.encode()).hexdigest())
        return row, f"ek_{row.id}_{secret}"

    def revoke(self, token_id: str) -> bool:
        """Remove a token; returns whether there was one."""
        with self._changing() as kept:
            return kept.pop(token_id, None) is not None

    def list(self) -> tuple[TokenRow, ...]:
        """Return all, the oldest first."""
        used = self._read_used() | self._used
        rows = (kept.row for kept in self._fresh().values())
        return tuple(replace(row, last_used=used.get(row.id)) for row in rows)

    def check(self, token: str) -> TokenRow | None:
        """Return what a token stands for, if it does for anything; notes that it was used."""
        prefix, _, rest = token.partition("_")
        token_id, _, secret = rest.partition("_")
        kept = self._fresh().get(token_id)
        given = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
        # An unknown id is compared as well, so that time does not tell which ids there are.
        same = hmac.compare_digest(given, kept.sha256 if kept else self._absent)
        if not same or kept is None or prefix != "ek":
            return None
        self._used[token_id] = int(time.time())
        return kept.row

    def role(self, token_id: str) -> Role | None:
        """Return the role of a token that is not revoked."""
        kept = self._fresh().get(token_id)
        return kept.row.role if kept else None

    def flush(self) -> None:
        """Write when tokens were last used; now and then, for the sake of SD cards."""
        with self._lock:
            used = self._read_used() | self._used
            known = {i: at for i, at in sorted(used.items()) if i in self._fresh()}
            if known == self._read_used():
                return
            try:
                self._write(self._used_path, json.dumps(known))
            except InputError as error:  # a full disk locks nobody out
                _log.warning("when tokens were used is not noted: %s", error)

    def _fresh(self) -> dict[str, _Kept]:
        """Return the tokens, read again where the file changed; a damaged file lets nobody in."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            try:
                self._kept = self._read()
            except InputError as error:
                _log.error("no token is accepted: %s", error)
                self._kept = {}
            self._stamp = stamp
        return self._kept

    def _read(self) -> dict[str, _Kept]:
        text = _read_private(self._path)
        if text is None:
            return {}
        try:
            rows = [(_row(entry), str(entry["sha256"])) for entry in json.loads(text)["tokens"]]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self._path}: not a file of tokens, or damaged: restore it, or remove it and "
                "make new tokens"
            ) from error
        return {row.id: _Kept(row, sha256) for row, sha256 in rows}

    def _read_used(self) -> dict[str, int]:
        try:
            found = json.loads(_read_private(self._used_path) or "{}")
            return {str(i): int(at) for i, at in found.items()}
        except (InputError, ValueError, TypeError, AttributeError):
            return {}  # it is told to people only

    @contextmanager
    def _changing(self) -> Iterator[dict[str, _Kept]]:
        """Yield the tokens to be changed, alone among all processes; writes them at the end."""
        try:
            handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise InputError(f"{self._path}: cannot write there: {error.strerror}") from error
        try:
            _give_to_owner_of(self._path.parent, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
            kept = self._read()
            yield kept
            entries = [
                {"id": k.row.id, "role": k.row.role, "created": k.row.created, "sha256": k.sha256}
                for k in kept.values()
            ]
            self._write(self._path, json.dumps({"version": 1, "tokens": entries}, indent=1))
        finally:
            os.close(handle)

    def _write(self, path: Path, text: str) -> None:
        write_atomic(path, text.encode(), overwrite=True, mode=0o600)
        _give_to_owner_of(path.parent, path)


def as_json(row: TokenRow) -> dict[str, object]:
    """Return a row as `edgecnn kiosk token list --json` prints it."""
    return asdict(row)


def _row(entry: dict[str, object]) -> TokenRow:
    role = entry["role"]
    if role not in ROLES:
        raise ValueError(role)
    return TokenRow(str(entry["id"]), role, int(str(entry["created"])))


def _new_id(taken: dict[str, _Kept]) -> str:
    while (token_id := secrets.token_hex(4)) in taken:
        pass
    return token_id


def _give_to_owner_of(folder: Path, file: Path | int) -> None:
    """Make a file the folder's owner's: what an administrator writes is the daemon's to read."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read_private(path: Path) -> str | None:
    """Return what a file holds that its owner alone may read; None where there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise InputError(
                    f"{path}: must be readable by its owner alone, but its mode is {mode:04o}: "
                    "chmod 600 it"
                )
            return file.read(1 << 20)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
