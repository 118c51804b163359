"""What public implementations of the same unit do differently."""

from __future__ import annotations

import dataclasses

GATE_POOLS = {"space_time": (1, 2, 3), "space": (2, 3), "time": (1,)}  # axes of [B, T, H, W, C]


@dataclasses.dataclass(frozen=True)
class Style:
    """What public implementations of the same unit do differently. The defaults are the paper's.

    Attributes:
        temporal_branches: branches of a separable block that end in a temporal conv: all four (0, 1, 2, 3), as
            footnote 5 says, or those with a 3x3 conv, (1, 2).
        temporal_norm: batch norm instead of a bias after a temporal conv.
        norm_scale: whether batch norm has a gamma.
        norm_epsilon: added to the variance.
        norm_momentum: decay of the moving averages.
        flat_pool_frames: frames under the 3x3 max-pool in the fourth branch of a 2D block (Figure 3a: 1).
        gate_place: "temporal_conv" (section 4.6: straight after each temporal conv of the gated units, so never in a
            2D one) or "unit_end" (the end of the unit, in a block of each of its branches; the authors' code).
        gate_pool: what a gate averages over: "space_time", "space" or "time".
        gate_bias: whether the gate has the b of section 4.6, which the authors' code leaves out.
    """

    temporal_branches: tuple[int, ...] = (0, 1, 2, 3)
    temporal_norm: bool = False
    norm_scale: bool = False
    norm_epsilon: float = 1e-3
    norm_momentum: float = 0.999
    flat_pool_frames: int = 1
    gate_place: str = "temporal_conv"
    gate_pool: str = "space_time"
    gate_bias: bool = False

    def __post_init__(self):
        branches = self.temporal_branches
        if not isinstance(branches, tuple | list) or not set(branches) <= {0, 1, 2, 3}:
            raise ValueError(f"temporal_branches must be numbers from 0 to 3. Received: temporal_branches={branches!r}")
        object.__setattr__(self, "temporal_branches", tuple(sorted(set(branches))))
        check("flat_pool_frames", self.flat_pool_frames, (1, 3))
        check("gate_place", self.gate_place, ("temporal_conv", "unit_end"))
        check("gate_pool", self.gate_pool, tuple(GATE_POOLS))
        for name in ("temporal_norm", "norm_scale", "gate_bias"):
            check(name, getattr(self, name), (True, False))
        if not self.norm_epsilon > 0:
            raise ValueError(f"norm_epsilon must be above 0. Received: norm_epsilon={self.norm_epsilon!r}")
        if not 0 <= self.norm_momentum < 1:
            raise ValueError(f"norm_momentum must be in [0, 1). Received: norm_momentum={self.norm_momentum!r}")


def check(name: str, value, allowed: tuple) -> None:
    """Raises a ValueError unless `value` is one of `allowed` (True is not 1)."""
    if not any(value == one and type(value) is type(one) for one in allowed):
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}. Received: {name}={value!r}")


def as_style(style: Style | dict | None) -> Style:
    """A `Style`, from one, from the dict that a saved model holds, or the paper's."""
    if isinstance(style, Style):
        return style
    return Style(**(style or {}))
