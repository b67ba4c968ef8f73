"""Exports a RUN: converts, quantizes, proves every variant, and publishes only what passed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from edgecnn.bundle import Calibration, Manifest, Variant, write_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN, Format, Precision
from edgecnn.bundle.read import Golden
from edgecnn.bundle.write import pack_golden
from edgecnn.errors import DataError, GateError, InputError
from edgecnn.files import refuse_existing, write_atomic
from edgecnn.vision.preprocess import preprocess
from edgecnn_device.backends import Backend, open_backend
from edgecnn_export.calibration import CalibrationSet, load_calibration
from edgecnn_export.card import facts_of, write_card
from edgecnn_export.gate import Verdict, judge, measure_drop, measure_parity, shared_samples
from edgecnn_export.quantize import Method, find_scheme, measure_ranges, quantize
from edgecnn_export.source import Inferred, Source, open_source
from edgecnn_export.tasks.base import GateScore, GateSet, Outputs, Picture
from edgecnn_export.tolerances import DEFAULT_MAX_DROP, TOLERANCES

GOLDEN_PICTURES = 8

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ExportOptions:
    """What to export, and how strictly."""

    calibration: Path | None = None
    """Needed for int8."""
    evaluate: Path | None = None
    """What the gate scores; by default the recipe's validation split."""
    formats: tuple[Format, ...] = ("tflite", "onnx")
    precisions: tuple[Precision, ...] = ("int8", "fp32")
    """Both in order of preference: the first variant is the device's default."""
    method: Method = "minmax"
    """How ranges are chosen from the calibration set."""
    max_drop: float = DEFAULT_MAX_DROP
    """Percentage points."""
    key: Ed25519PrivateKey | None = None
    """Signs the bundle."""
    overwrite: bool = False


@dataclass(frozen=True)
class ExportedVariant:
    """One variant with the gate's verdict."""

    variant: Variant
    verdict: Verdict


@dataclass(frozen=True)
class Exported:
    """What an export made."""

    bundle: Path
    """The bundle, or its .rejected file."""
    passed: bool
    seconds: float
    variants: tuple[ExportedVariant, ...]
    metric: str
    float_score: GateScore
    gate: str
    """What the gate scored."""

    def require_passed(self) -> None:
        """Raise `GateError`, naming every variant that missed, unless all passed."""
        missed = [
            f"{v.variant.format}-{v.variant.precision} {v.verdict.reason}"
            for v in self.variants
            if not v.verdict.passed
        ]
        if missed:
            raise GateError(f"the gate refused {'; '.join(missed)}: see {self.bundle}")


@dataclass(frozen=True)
class _Reference:
    """What every variant is compared with."""

    gate: GateSet
    inferred: Inferred
    """By the float model."""
    score: GateScore


def export_run(
    run: Path, out: Path, options: ExportOptions, progress: Progress = lambda step: None
) -> Exported:
    """Export a RUN as a bundle.

    Args:
        run: the folder of a training run.
        out: the bundle to write; when a variant misses its tolerance, ``OUT.rejected`` and
            ``OUT.report.json.rejected`` are written instead, and nothing else.
        options: formats, precisions, data and tolerances.
        progress: told each step as it starts.

    Returns:
        The verdicts; `Exported.require_passed` turns a miss into `GateError`.

    Raises:
        InputError: an existing file, unusable data or checkpoint; nothing was written.
    """
    begun = time.monotonic()
    refuse_existing(out, options.overwrite)
    source = open_source(run)
    progress("calibration and gate data")
    calibration = _calibration(source, options)
    reference = _reference(source, options.evaluate)
    if calibration is not None:
        _refuse_shared(reference, calibration)
    models = _convert(source, options, calibration, progress)
    golden_pictures = source.task.golden(GOLDEN_PICTURES)
    exported, outputs = [], []
    for kind, precision, scheme, data in models:
        progress(f"gate: {kind} {precision}")
        backend = open_backend(kind, data)
        found = _prove(
            backend, source, reference, (kind, precision, scheme, data), options.max_drop
        )
        exported.append(found)
        replay = [partial(_same, picture) for picture in golden_pictures]
        outputs.append((found.variant.file, _run_all(backend, source, replay)))
    golden = pack_golden(Golden(golden_pictures, tuple(outputs)))
    variants = tuple(e.variant for e in exported)
    manifest, card = _describe(source, run, variants, golden, calibration, reference)
    members = {v.file: data for v, (_, _, _, data) in zip(variants, models, strict=True)}
    members |= {GOLDEN: golden, CARD: card}
    passed = all(e.verdict.passed for e in exported)
    target = out if passed else out.with_name(out.name + ".rejected")
    write_bundle(target, manifest, members, key=options.key,
                 overwrite=options.overwrite or not passed)  # fmt: skip
    result = Exported(
        target, passed, time.monotonic() - begun, tuple(exported), source.task.metric,
        reference.score, reference.gate.name,
    )  # fmt: skip
    _write_report(result, out)
    return result


def _calibration(source: Source, options: ExportOptions) -> CalibrationSet | None:
    """Load what ranges are measured on, where a scheme needs them; refuse what does not exist."""
    schemes = [find_scheme(kind, name) for kind in options.formats for name in options.precisions]
    needing = next((s.name for s in schemes if s.needs_ranges), None)
    if needing is None:
        return None
    if options.calibration is None:
        raise InputError(
            f"{needing} needs --calibration DIR, LIST or NPY: there is no default data"
        )
    return load_calibration(options.calibration, source.recipe.input)


def _reference(source: Source, evaluate: Path | None) -> _Reference:
    gate = source.task.open(evaluate)
    inferred = source.infer(gate)
    score = source.task.score(inferred.outputs)
    if not any(score.right):
        raise DataError(
            f"the float model gets none of the {score.samples} samples of {gate.name} right: such "
            "a gate cannot tell a working variant from a broken one; train it first, or give other "
            "data"
        )
    return _Reference(gate, inferred, score)


def _refuse_shared(reference: _Reference, calibration: CalibrationSet) -> None:
    shared = shared_samples(reference.inferred.hashes, calibration.hashes)
    if shared:
        raise DataError(
            f"{shared} of {len(calibration.hashes)} calibration samples are also in the gate set: "
            "a gate must score what calibration has not seen"
        )


_Model = tuple[Format, Precision, str, bytes]


def _convert(
    source: Source, options: ExportOptions, calibration: CalibrationSet | None, progress: Progress
) -> list[_Model]:
    """Convert to every wanted variant, in order of preference."""
    spec = source.recipe.input
    example = np.zeros((1, spec.height, spec.width, spec.channels), np.float32)
    made: list[_Model] = []
    for kind in options.formats:
        progress(f"convert: {kind} fp32")
        fp32 = _to_float(kind, source, example)
        ranges = None
        if calibration is not None:
            progress(f"calibrate: {kind}, {options.method}")
            ranges = measure_ranges(kind, fp32, calibration.inputs, options.method)
        for precision in options.precisions:
            progress(f"convert: {kind} {precision}")
            scheme = find_scheme(kind, precision).stands_for
            made.append((kind, precision, scheme, quantize(kind, fp32, precision, ranges)))
    order = {p: i for i, p in enumerate(options.precisions)}
    return sorted(made, key=lambda m: order[m[1]])


def _to_float(kind: Format, source: Source, example: NDArray[np.float32]) -> bytes:
    if kind == "onnx":
        from edgecnn_export.to_onnx import to_onnx

        return to_onnx(source.model, example)
    from edgecnn_export.to_tflite import to_tflite

    return to_tflite(source.model, example)


def _run_all(backend: Backend, source: Source, pictures: Sequence[Picture]) -> Outputs:
    spec = source.recipe.input
    return np.concatenate([backend.run(preprocess(read(), spec)[None])[0] for read in pictures])


def _same(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture


def _prove(
    backend: Backend, source: Source, reference: _Reference, model: _Model, max_drop: float
) -> ExportedVariant:
    kind, precision, scheme, data = model
    outputs = _run_all(backend, source, reference.gate.pictures)
    parity = measure_parity(reference.inferred.outputs, outputs)
    metric = measure_drop(source.task.metric, reference.score, source.task.score(outputs))
    variant = Variant(
        file=f"model-{precision}.{kind}", format=kind, precision=precision, scheme=scheme,
        sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), metric=metric, parity=parity,
        golden_bound=TOLERANCES[precision].golden * max(1.0, parity.reference_max),
    )  # fmt: skip
    return ExportedVariant(variant, judge(precision, parity, metric, max_drop))


def _describe(
    source: Source, run: Path, variants: tuple[Variant, ...], golden: bytes,
    calibration: CalibrationSet | None, reference: _Reference,
) -> tuple[Manifest, bytes]:  # fmt: skip
    """Write the manifest and the card; each names what the other needs."""
    recipe = source.recipe
    manifest = Manifest(
        name=recipe.name, task=recipe.task, input=recipe.input, decode=source.task.decode,
        variants=variants, architecture=source.architecture,
        golden_sha256=hashlib.sha256(golden).hexdigest(), card_sha256="0" * 64,
        calibration=None if calibration is None else Calibration(
            id=calibration.id, sha256=calibration.sha256, samples=len(calibration.hashes)),
        source_sha256=source.sha256, licence=recipe.licence, provenance=recipe.provenance,
    )  # fmt: skip
    notes = run / "card.md"
    card = write_card(
        facts_of(manifest),
        variants,
        source.task.group,
        reference.score,
        reference.gate.name,
        notes.read_text(encoding="utf-8") if notes.is_file() else "",
    ).encode()
    sha256 = hashlib.sha256(card).hexdigest()
    return manifest.model_copy(update={"card_sha256": sha256}), card


def _write_report(result: Exported, out: Path) -> None:
    name = f"{out.name.removesuffix('.edge')}.report.json"
    path = out.with_name(name if result.passed else f"{name}.rejected")
    write_atomic(path, (json.dumps(report(result), indent=2) + "\n").encode(), overwrite=True)


def report(result: Exported) -> dict[str, object]:
    """Return the JSON object of ``edgecnn export``."""
    return {
        "bundle": str(result.bundle),
        "passed": result.passed,
        "seconds": round(result.seconds, 1),
        "gate": {"data": result.gate, "samples": result.float_score.samples,
                 "float": result.float_score.value},
        "variants": [_variant_report(v) for v in result.variants],
    }  # fmt: skip


def _variant_report(exported: ExportedVariant) -> dict[str, object]:
    v = exported.variant
    return {
        "file": v.file, "format": v.format, "precision": v.precision, "scheme": v.scheme,
        "bytes": v.bytes,
        "parity": {"max_abs": v.parity.max_abs, "cosine": v.parity.cosine,
                   "sqnr_db": v.parity.sqnr_db},
        "metric": {"name": v.metric.name, "value": v.metric.value, "drop": v.metric.drop,
                   "drop_low": v.metric.drop_low, "drop_high": v.metric.drop_high},
        "rung": "plain", "excluded": list(v.excluded_layers), "passed": exported.verdict.passed,
        "reason": exported.verdict.reason,
    }  # fmt: skip
