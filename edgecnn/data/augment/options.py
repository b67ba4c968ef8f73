"""What may happen to a picture: a section of a recipe, all off by default."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgecnn.data.synth.degrade import Range


class AugmentOptions(BaseModel):
    """Ranges from which `augment` draws, uniformly unless said otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mirror: float = Field(0.0, ge=0, le=1)
    """Probability of swapping left and right, 0..1."""
    mirror_pairs: tuple[tuple[int, int], ...] = ()
    """Landmarks that trade places in a mirrored picture, such as (left eye, right eye), by index
    from 0."""
    crop: Range = (1.0, 1.0)
    """Share of the picture's area that is kept, above 0 and up to 1; (1, 1) is off."""
    crop_aspect: Range = (3 / 4, 4 / 3)
    """Stretch of a crop: its width / height over that of the output, 0.1..10, drawn by its
    logarithm; only with `crop`."""
    mosaic: float = Field(0.0, ge=0, le=1)
    """Probability of cutting from a sheet of this picture and three others, 0..1; for boxes."""
    mosaic_crop: Range = (0.15, 0.5)
    """Then the share of the sheet's area that is kept, in place of `crop`."""
    crop_padding: int = Field(0, ge=0, le=4096)
    """Largest shift each way, in pixels of the picture as read: pad by so much, cut the old size
    out."""
    rotation: float = Field(0.0, ge=0, le=180)
    """Largest turn each way, degrees, 0..180."""
    shear: float = Field(0.0, ge=0, le=30)
    """Largest slant each way, degrees, 0..30, drawn for each axis."""
    zoom: Range = (1.0, 1.0)
    """Enlargement about the middle, 0.1..10, drawn by its logarithm; (1, 1) is off."""
    warp: float = Field(0.0, ge=0, le=0.25)
    """Largest local displacement, as a share of the side; times `warp_grid` at most 0.25, so that
    nothing folds over."""
    warp_grid: int = Field(4, ge=1, le=32)
    """Cells per side of the grid whose nodes are displaced: more cells, more local."""
    border: Literal["reflect", "grey"] = "reflect"
    """What lies outside the picture: its mirror image without the edge pixel, or grey 128."""
    min_visible: float = Field(0.3, ge=0, le=1)
    """A box is dropped when less than this share of its area is left inside the picture."""
    brightness: float = Field(0.0, ge=0, lt=1)
    """Light is multiplied by 1 - this .. 1 + this; 0..1."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """Distance from the picture's mean grey is multiplied by 1 - this .. 1 + this; 0..1."""
    saturation: float = Field(0.0, ge=0, le=1)
    """Distance of a colour from its grey is multiplied by 1 - this .. 1 + this; 0..1."""
    hue: float = Field(0.0, ge=0, le=180)
    """Largest turn of the colours each way, degrees, 0..180."""
    pca: float = Field(0.0, ge=0, le=1)
    """Standard deviation of a shift along the main axes of natural colours, 0..1; AlexNet's is
    0.1."""
    erase: float = Field(0.0, ge=0, le=1)
    """Probability of painting a rectangle over; labels under it stay as they are."""
    erase_area: Range = (0.02, 0.2)
    """Area of that rectangle as a share of the picture's, above 0 and up to 1."""

    @model_validator(mode="after")
    def _possible(self) -> AugmentOptions:
        bounds = {
            "crop": (self.crop, 0.001, 1), "mosaic_crop": (self.mosaic_crop, 0.001, 1),
            "erase_area": (self.erase_area, 0.001, 1),
            "crop_aspect": (self.crop_aspect, 0.1, 10), "zoom": (self.zoom, 0.1, 10),
        }  # fmt: skip
        for name, (value, low, high) in bounds.items():
            if not low <= value[0] <= value[1] <= high:
                raise ValueError(f"{name} must lie within {low}..{high}, got {value}")
        if self.warp * self.warp_grid > 0.25:
            raise ValueError(
                f"warp times warp_grid must be at most 0.25, got {self.warp} x {self.warp_grid}"
            )
        paired = [index for pair in self.mirror_pairs for index in pair]
        if len(set(paired)) != len(paired) or min(paired, default=0) < 0:
            raise ValueError(f"mirror_pairs needs distinct indices from 0, got {self.mirror_pairs}")
        return self
