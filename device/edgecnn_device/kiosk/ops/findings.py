"""What the checks of a configuration found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgecnn.errors import ConfigError, EdgecnnError, Fault
from edgecnn_device.kiosk.ops.explain import dotted, line_of
from edgecnn_device.kiosk.ops.strict_yaml import Document, Place


@dataclass(frozen=True)
class Report:
    """The errors and warnings of a configuration, each with what to do."""

    errors: tuple[Fault, ...]
    """With any of them the daemon does not start."""
    warnings: tuple[Fault, ...]
    """It starts; somebody should know."""

    def raise_errors(self, path: Path) -> None:
        """Raise `ConfigError` where there is any error.

        Args:
            path: of the configuration, for the message.
        """
        if self.errors:
            raise ConfigError(str(path), self.errors, self.warnings)


@dataclass(frozen=True)
class Findings:
    """Collects faults while the checks run."""

    document: Document
    starting: bool = False
    """Whether the daemon itself asks, so that what it does not see now it will never see."""
    _errors: list[Fault] = field(default_factory=list)
    _warnings: list[Fault] = field(default_factory=list)

    def error(self, place: Place, message: str) -> None:
        """Note what the daemon cannot start with."""
        self._errors.append(Fault(dotted(place), message, line_of(self.document, place)))

    def warn(self, place: Place, message: str) -> None:
        """Note what somebody should know."""
        self._warnings.append(Fault(dotted(place), message, line_of(self.document, place)))

    def unseen(self, place: Place, message: str) -> None:
        """Note what only the service can see: a warning, or the service's own error."""
        (self.error if self.starting else self.warn)(place, message)

    def attempt(self, place: Place, action: Callable[[], object]) -> bool:
        """Note as an error what an action raises on purpose; returns whether it succeeded."""
        try:
            action()
        except EdgecnnError as error:
            self.error(place, str(error))
            return False
        return True

    def report(self) -> Report:
        """Return what was found, in the order of the file's lines."""
        errors, warnings = (
            tuple(sorted(found, key=lambda fault: fault.line or 0))
            for found in (self._errors, self._warnings)
        )
        return Report(errors, warnings)
