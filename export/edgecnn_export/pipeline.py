"""Exports a network: converts, quantizes, proves every variant, publishes only what passed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.bundle import Calibration, Manifest, write_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN, Format, InputSpec, Precision
from edgecnn.bundle.read import Golden
from edgecnn.bundle.write import pack_golden
from edgecnn.errors import DataError, InputError
from edgecnn.files import refuse_existing
from edgecnn_device.backends import open_backend
from edgecnn_export.calibration import CalibrationSet
from edgecnn_export.card import facts_of, write_card
from edgecnn_export.choose_method import choose_method
from edgecnn_export.curve import CurveSet, open_curve_set, with_curve
from edgecnn_export.gate import shared_samples
from edgecnn_export.gather import gather_calibration
from edgecnn_export.ladder import CLIMBS, Climbed, Ladder, Step, rank_layers
from edgecnn_export.latency import measure_latency
from edgecnn_export.options import ExportOptions
from edgecnn_export.prove import Gate, Trial, open_gate_set, replay_outputs
from edgecnn_export.quantize import find_scheme, load_ranges, save_ranges
from edgecnn_export.report import write_report
from edgecnn_export.result import Exported, ExportedVariant, Plain
from edgecnn_export.sources import Source, decode_inside, open_source, slide
from edgecnn_export.workshop import PLAIN, Plan, Workshop

GOLDEN_PICTURES = 8

Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Work:
    """What the steps of one export share."""

    source: Source
    spec: InputSpec
    options: ExportOptions
    calibration: CalibrationSet | None
    gate: Gate
    workshop: Workshop
    progress: Progress
    curve: CurveSet | None


@dataclass(frozen=True)
class _Made:
    """A variant that stood before the gate, and what it took."""

    plain: Trial
    climbed: Climbed

    @property
    def trial(self) -> Trial:
        return self.climbed.trial


def export(
    source: Source | Path | str, out: Path, options: ExportOptions,
    progress: Progress = lambda step: None,
) -> Exported:  # fmt: skip
    """Export a network as a bundle.

    Args:
        source: the folder of a training run, an ``.onnx`` file, ``module:function``, or one that
            is open already.
        out: the bundle to write; when a variant misses its tolerance, ``OUT.rejected`` and
            ``OUT.report.json.rejected`` are written instead, and nothing else.
        options: formats, precisions, data and tolerances.
        progress: told each step as it starts.

    Returns:
        The verdicts; `Exported.require_passed` turns a miss into `GateError`.

    Raises:
        InputError: an existing file, unusable data or source; nothing was written.
    """
    begun = time.monotonic()
    refuse_existing(out, options.overwrite)
    if options.save_ranges is not None:
        refuse_existing(options.save_ranges, options.overwrite)
    opened = open_source(source, options.description) if isinstance(source, Path | str) else source
    if options.sliding is not None:
        opened = slide(opened, options.sliding, options.formats)
    if options.decode_boxes:
        opened = decode_inside(opened, options.formats)
    work = _prepare(opened, options, progress)
    made = [_make(work, kind, name) for name in options.precisions for kind in _formats(work)]
    for warning in dict.fromkeys(w for r in work.workshop.plain_ranges() for w in r.warnings):
        progress(f"warning: {warning}")
    timed = _time(work, made)
    variants = tuple(_describe(work, m, timed) for m in made)
    passed = all(v.verdict.passed for v in variants)
    target = out if passed else out.with_name(out.name + ".rejected")
    gate, seconds = work.gate, time.monotonic() - begun
    result = Exported(
        target, passed, seconds, variants, gate.metric, gate.max_drop, gate.score, gate.name
    )
    try:
        _write(work, made, target, options.overwrite or not passed)
        if options.save_ranges is not None:
            ranges = work.workshop.plain_ranges()
            save_ranges(ranges, options.save_ranges, overwrite=options.overwrite)
        write_report(result, out)
    except InputError:  # such as a full disk: a bundle without its report would be half an export
        target.unlink(missing_ok=True)
        raise
    return result


def _prepare(source: Source, options: ExportOptions, progress: Progress) -> _Work:
    """Refuse what cannot work, then load the data and run the float model."""
    progress("operators")
    _refuse_impossible(source, options)
    spec = source.facts.input
    if options.bake:
        spec = spec.model_copy(update={"dtype": "uint8"})
    progress("calibration and gate data")
    saved = () if options.ranges is None else load_ranges(options.ranges)
    calibration = gather_calibration(source, options)
    for warning in () if calibration is None else calibration.warnings:
        progress(f"warning: {warning}")
    gate = Gate(source, open_gate_set(source, options.evaluate), spec, options.max_drop)
    _refuse_shared(gate, calibration.hashes if calibration is not None else ())
    for ranges in saved:
        _refuse_shared(gate, ranges.sample_sha256)
    curve = None if options.curve is None else open_curve_set(source, options.curve)
    if curve is not None:
        seen = (*gate.hashes, *(calibration.hashes if calibration is not None else ()))
        curve.refuse_shared(seen)
    workshop = Workshop(source, spec, calibration, saved, progress)
    return _Work(source, spec, options, calibration, gate, workshop, progress, curve)


def _refuse_impossible(source: Source, options: ExportOptions) -> None:
    """Refuse formats, schemes and operators that there are not, and int8 without data."""
    formats = options.formats or source.formats
    for kind in formats:
        if kind not in source.formats:
            raise InputError(
                f"an ONNX file is exported to {', '.join(source.formats)} alone: TFLite is made "
                "from torch, give module:function or a RUN"
            )
    schemes = [find_scheme(kind, name) for kind in formats for name in options.precisions]
    needing = next((s.name for s in schemes if s.needs_ranges), None)
    if needing is not None and options.calibration is None and options.ranges is None:
        raise InputError(
            f"{needing} needs --calibration DIR, LIST or NPY: there is no default data"
        )
    source.require_operators(formats)


def _formats(work: _Work) -> tuple[Format, ...]:
    return work.options.formats or work.source.formats


def _refuse_shared(gate: Gate, hashes: tuple[str, ...]) -> None:
    shared = shared_samples(gate.hashes, hashes)
    if shared:
        raise DataError(
            f"{shared} of {len(hashes)} calibration samples are also in the gate set: "
            "a gate must score what calibration has not seen"
        )


def _make(work: _Work, kind: Format, precision: Precision) -> _Made:
    """Make a variant, prove it, and climb where it misses."""
    options, gate = work.options, work.gate
    method = choose_method(work.workshop, kind, precision, options.method)
    plan = Plan(kind, precision, method, options.improvement)
    work.progress(f"convert: {kind} {precision}")
    data = work.workshop.build(plan)
    work.progress(f"gate: {kind} {precision}")
    trial = gate.prove(plan, data, gate.everything)
    # A climb measures anew, and needs a half to choose by and one to score.
    able = work.calibration is not None and len(gate.choosing) > 0
    if not trial.verdict.passed and options.ladder and able and precision in CLIMBS:
        others = frozenset(options.precisions) - {precision}
        ladder = Ladder(work.workshop, gate, others, work.progress)
        return _Made(trial, ladder.climb(trial))
    steps: tuple[Step, ...] = ()
    if options.improvement and plan.quantizes:
        steps = (_without(work, plan),)
    ranked = options.sensitivity and able and precision in CLIMBS
    table = rank_layers(work.workshop, plan) if ranked else ()
    return _Made(trial, Climbed(trial, steps, table))


def _without(work: _Work, plan: Plan) -> Step:
    """Prove the variant without its improvement too, so that the report tells what it brought."""
    bare = Plan(plan.kind, plan.precision, plan.method)
    found = work.gate.prove(bare, work.workshop.build(bare), work.gate.everything)
    return Step(f"without {plan.improvement}", found.metric.drop, found.verdict.passed,
                found.verdict.reason)  # fmt: skip


def _time(work: _Work, made: list[_Made]) -> dict[str, float]:
    """Time the variants, and what they were before they climbed."""
    work.progress("latency")
    models = {m.trial.file: (m.trial.plan.kind, m.trial.data) for m in made}
    models |= {f"plain {m.plain.file}": (m.plain.plan.kind, m.plain.data)
               for m in made if m.plain is not m.trial}  # fmt: skip
    return measure_latency(models, work.spec)


def _describe(work: _Work, made: _Made, timed: dict[str, float]) -> ExportedVariant:
    trial, plain = made.trial, made.plain
    before = None
    if plain is not trial:
        before = Plain(len(plain.data), timed[f"plain {plain.file}"])
    static = find_scheme(trial.plan.kind, trial.plan.precision).needs_ranges
    improvement = trial.plan.improvement if trial.plan.quantizes else PLAIN
    return ExportedVariant(
        trial.variant(), trial.verdict, trial.plan.rung, trial.plan.method if static else "",
        str(improvement), trial.parities, timed[trial.file], made.climbed.steps,
        made.climbed.sensitivity, before,
    )  # fmt: skip


def _write(work: _Work, made: list[_Made], target: Path, overwrite: bool) -> None:
    """Write the bundle: golden inputs, manifest, card and files."""
    pictures = work.source.gate.golden(GOLDEN_PICTURES)
    outputs = tuple(
        (m.trial.file,
         replay_outputs(open_backend(m.trial.plan.kind, m.trial.data), pictures, work.spec))
        for m in made
    )  # fmt: skip
    golden = pack_golden(Golden(pictures, outputs))
    manifest, card = _manifest(work, made, golden)
    members = {m.trial.file: m.trial.data for m in made} | {GOLDEN: golden, CARD: card}
    write_bundle(target, manifest, members, key=work.options.key, overwrite=overwrite)


def _calibration_facts(work: _Work) -> Calibration | None:
    """Name what set the ranges: the set at hand, or the one that saved ranges were measured on."""
    if work.calibration is not None:
        found = work.calibration
        return Calibration(id=found.id, sha256=found.sha256, samples=len(found.hashes))
    return next((r.calibration for r in work.workshop.saved), None)


def _manifest(work: _Work, made: list[_Made], golden: bytes) -> tuple[Manifest, bytes]:
    """Write the manifest and the card; each names what the other needs."""
    facts, decode = work.source.facts, work.source.gate.decode
    if work.curve is not None:
        work.progress("curve")
        files = [(m.trial.plan.kind, m.trial.data) for m in made]
        decode = with_curve(decode, work.curve, files, work.spec)
    manifest = Manifest(
        name=facts.name, task=facts.task, input=work.spec, decode=decode,
        variants=tuple(m.trial.variant() for m in made), architecture=facts.architecture,
        golden_sha256=hashlib.sha256(golden).hexdigest(), card_sha256="0" * 64,
        calibration=_calibration_facts(work),
        source_sha256=facts.sha256, licence=facts.licence, provenance=facts.provenance,
    )  # fmt: skip
    card = write_card(
        facts_of(manifest), [(m.trial.variant(), m.trial.plan.rung) for m in made],
        work.source.gate.group, work.gate.score, work.gate.name, facts.notes,
    ).encode()  # fmt: skip
    sha256 = hashlib.sha256(card).hexdigest()
    return manifest.model_copy(update={"card_sha256": sha256}), card
