"""Measures the variants of a bundle on this machine, and remembers the fastest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.bundle.manifest import Variant
from edgecnn.bundle.read import Bundle
from edgecnn.errors import EdgecnnError, GateError, MissingExtraError
from edgecnn.targets import CPU
from edgecnn_device.alone import Alone, measure_alone
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.backends.open import can_run
from edgecnn_device.backends.providers import SHORT_NAMES, available_providers, find_providers
from edgecnn_device.choice import Choice, engine_folder, remember_choice, runtime_versions
from edgecnn_device.processor import cpuinfo, dot_product_warning, has_dot_product, processor_name
from edgecnn_device.runner import open_choice
from edgecnn_device.turns import Timed, in_turn
from edgecnn_device.verify import replay


@dataclass(frozen=True)
class Measured:
    """One variant on this machine."""

    choice: Choice
    alone: Alone
    timed: Timed
    passed: bool
    """Whether the golden inputs give here what the bundle's maker got."""
    build_ms: float | None
    """What the first load took that built TensorRT's engine; None where none was built."""

    @property
    def variant(self) -> Variant:
        """What was measured."""
        return self.choice.variant


@dataclass(frozen=True)
class Bench:
    """What `bench` found."""

    machine: str
    runtimes: str
    threads: int
    dot_product: bool | None
    """Whether the processor has integer dot products; None where it does not say."""
    variants: tuple[Measured, ...]
    chosen: Measured
    """The fastest that passed."""
    remembered: Path | None
    """Where the choice is kept for ``edgecnn run``."""
    warnings: tuple[str, ...]
    """A line each."""


def bench(
    bundle: Bundle,
    *,
    variant: str | None = None,
    rounds: int = 300,
    threads: int = DEFAULT_THREADS,
    providers: Sequence[str] = (),
) -> Bench:
    """Measure every variant whose runtime is installed, and remember the fastest.

    Args:
        bundle: an opened bundle.
        variant: FORMAT-PRECISION; measure this one alone, and remember nothing.
        rounds: inferences per variant, the variants taking turns.
        threads: of the runtime.
        providers: of onnxruntime, in order of preference; where it has one beside the CPU, the
            ONNX variants are measured on it as well as on the CPU.

    Raises:
        MissingExtraError: no runtime is installed for any variant.
        GateError: no variant gives the golden results here.
    """
    wanted = bundle.manifest.variants if variant is None else (bundle.variant(variant),)
    able = [v for v in wanted if can_run(v.format)]
    if not able:
        raise MissingExtraError("onnxruntime" if wanted[0].format == "onnx" else "ai-edge-litert")
    rows, warnings = _measure(bundle, _candidates(able, providers), rounds, threads)
    passed = [row for row in rows if row.passed]
    if not passed:
        raise GateError(f"{bundle.path}: no variant gives the golden results here: edgecnn verify")
    chosen = min(passed, key=lambda row: row.timed.p50_ms)
    kept = remember_choice(bundle, threads, chosen.choice) if variant is None else None
    info = cpuinfo()
    said = dot_product_warning(info) if any("int8" in v.precision for v in able) else None
    warnings = [*([said] if said else []), *_unavailable(providers), *warnings]
    return Bench(
        processor_name(), runtime_versions(), threads, has_dot_product(info), tuple(rows), chosen,
        kept, tuple(warnings),
    )  # fmt: skip


def _candidates(able: Sequence[Variant], wanted: Sequence[str]) -> list[Choice]:
    """List what to measure: everything on the CPU, ONNX on the accelerators as well."""
    available = available_providers() if wanted else ()
    found = [Choice(variant) for variant in able]
    for variant in able:
        usable = find_providers(wanted, available, variant.precision, engine_folder(variant))
        names = tuple(p.name for p in usable if p.name != CPU)
        if variant.format == "onnx" and names:
            found.append(Choice(variant, names))
    return found


def _measure(
    bundle: Bundle, candidates: Sequence[Choice], rounds: int, threads: int
) -> tuple[list[Measured], list[str]]:
    taken, alone, built, warnings = [], [], [], []
    for choice in candidates:
        try:
            # The engine is built by a process whose load is told apart, then loaded like a model.
            build = measure_alone(bundle, choice, threads).load_ms if _builds(choice) else None
            found = measure_alone(bundle, choice, threads)
        except EdgecnnError as error:
            if not choice.providers:
                raise
            warnings.append(f"on {SHORT_NAMES[choice.providers[0]]} {error}")
            continue
        if choice.providers and found.provider == "CPU":
            warnings.append(f"onnxruntime has {SHORT_NAMES[choice.providers[0]]} but could not use "
                            f"it for {choice.variant.file}: its libraries are missing, or the "
                            "device is")  # fmt: skip
            continue
        taken.append(choice)
        alone.append(found)
        built.append(build)
    runners = [open_choice(bundle, choice, threads) for choice in taken]
    passed = [replay(bundle, runner) for runner in runners]
    warnings += [f"{p.name} fails the golden inputs here: {p.detail}" for p in passed if not p.ok]
    timed = in_turn(runners, bundle.golden().pictures, rounds)
    rows = zip(taken, alone, timed, (p.ok for p in passed), built, strict=True)
    return [Measured(*row) for row in rows], warnings


def _builds(choice: Choice) -> bool:
    """Tell whether loading this will build an engine that is not kept yet."""
    return "TensorrtExecutionProvider" in choice.providers and not any(
        engine_folder(choice.variant).glob("*.engine")
    )


def _unavailable(wanted: Sequence[str]) -> list[str]:
    """Say it where onnxruntime has none of the accelerators that were asked for."""
    accelerators = [name for name in wanted if name != CPU]
    available = available_providers()
    missing = [SHORT_NAMES[name] for name in accelerators if name not in available]
    if not missing:
        return []
    has = ", ".join(available) or "nothing: it is not installed"
    rest = "the CPU alone is measured" if len(missing) == len(accelerators) else "the rest is used"
    return [f"this onnxruntime has no {' and no '.join(missing)} (it has {has}): {rest}"]
