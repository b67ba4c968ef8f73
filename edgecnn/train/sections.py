"""The sections of a recipe that every task shares, and the strict base of a recipe."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgecnn.bundle.manifest import InputSpec, Name


class Strict(BaseModel):
    """A section: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OptimizerSection(Strict):
    """What takes the steps, and how many."""

    kind: Literal["adamw", "sgd", "rmsprop"] = "adamw"
    """AdamW (Loshchilov and Hutter, ICLR 2019), SGD with Nesterov momentum, or RMSprop."""
    learning_rate: float = Field(2e-3, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    """Of sgd and rmsprop."""
    weight_decay: float = Field(1e-4, ge=0)
    """Not applied to biases and norms."""
    batch: int = Field(48, gt=0)
    """Samples per step, over all processes."""
    samples: int | None = Field(None, gt=0)
    """Samples seen in all; or say epochs."""
    epochs: int | None = Field(None, gt=0)
    """Passes over the training split; or say samples."""
    clip: float = Field(5.0, gt=0)
    """Largest norm of the gradient."""
    ema: float = Field(0, ge=0, lt=1)
    """Decay per step of the moving average of the weights, which is then what is validated and
    saved; 0: off."""
    precision: Literal["fp32", "auto"] = "fp32"
    """auto: bf16 autocast where the hardware computes in it, else fp32."""

    @model_validator(mode="after")
    def _one_length(self) -> OptimizerSection:
        if (self.samples is None) == (self.epochs is None):
            got = "neither" if self.samples is None else "both"
            raise ValueError(f"expected either samples or epochs, got {got}")
        return self


class ScheduleSection(Strict):
    """The learning rate over a run: linear warm-up, then constant, then falling."""

    kind: Literal["cosine", "step"] = "cosine"
    warmup: float = Field(0.02, ge=0, lt=1)
    """Share of the samples with a rising rate."""
    decay: float = Field(1.0, ge=0, le=1)
    """cosine: share of the samples, at the end, in which the rate falls to zero."""
    steps: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.5, 0.75)
    """step: shares of the samples after which the rate is multiplied by gamma."""
    gamma: float = Field(0.1, gt=0, lt=1)


Monitor = Literal["loss", "validation_loss", "validation"]
"""A column of log.csv; validation is the task's metric, of which more is better."""


class ModelCheckpointSection(Strict):
    """Which epoch's weights stay in checkpoint.safetensors."""

    monitor: Monitor = "validation"
    best: bool = True
    """Keep the best epoch; otherwise the last."""


class EarlyStoppingSection(Strict):
    """Stop when the monitored value no longer improves."""

    monitor: Monitor = "validation"
    patience: int = Field(gt=0)
    """Epochs without an improvement that are borne."""
    min_delta: float = Field(0, ge=0)


class ReduceLROnPlateauSection(Strict):
    """Multiply the rate when the monitored value no longer improves."""

    monitor: Monitor = "validation"
    patience: int = Field(gt=0)
    factor: float = Field(0.1, gt=0, lt=1)
    min_delta: float = Field(0, ge=0)
    least: float = Field(0, ge=0)
    """The rate factor never falls below this share of the schedule."""


class CallbacksSection(Strict):
    """What looks at the end of each epoch; `CSVLogger` always does."""

    model_checkpoint: ModelCheckpointSection = ModelCheckpointSection()
    early_stopping: EarlyStoppingSection | None = None
    reduce_lr_on_plateau: ReduceLROnPlateauSection | None = None


class BaseRecipe(Strict):
    """What a recipe of any task holds."""

    name: Name
    seed: int = Field(0, ge=0)
    init: str | None = None
    """A RUN of the same network to start from, relative to where the training is started."""
    epoch: int | None = Field(None, gt=0)
    """Samples between two validations; by default one pass over the training split."""
    input: InputSpec
    optimizer: OptimizerSection
    schedule: ScheduleSection = ScheduleSection()
    callbacks: CallbacksSection = CallbacksSection()
    licence: Annotated[str, Field(max_length=500)]
    provenance: Annotated[str, Field(max_length=2000)]

    @property
    @abstractmethod
    def network(self) -> str:
        """What the network is, for a card."""

    def to_yaml(self) -> str:
        """Serialize the resolved recipe."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
