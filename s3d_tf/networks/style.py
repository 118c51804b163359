"""What public implementations of the same unit do differently."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping

GATE_POOLS = {"space_time": (1, 2, 3), "space": (2, 3), "time": (1,)}  # axes of [B, T, H, W, C]


@dataclasses.dataclass(frozen=True)
class Style:
    """What public implementations of the same unit do differently. The defaults are the paper's.

    Attributes:
        temporal_branches: branches of a separable block that end in a temporal conv: all four (0, 1, 2, 3), as
            footnote 5 says, or those with a 3x3 conv, (1, 2).
        norm: batch norm instead of a bias after a conv; without it, as after folding, also after temporal ones.
        temporal_norm: likewise after a temporal conv.
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
    norm: bool = True
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
        if not isinstance(branches, tuple | list) or not all(_is_branch(branch) for branch in branches):
            raise ValueError(f"temporal_branches must be numbers from 0 to 3. Received: temporal_branches={branches!r}")
        object.__setattr__(self, "temporal_branches", tuple(sorted({int(branch) for branch in branches})))
        check("flat_pool_frames", self.flat_pool_frames, (1, 3))
        check("gate_place", self.gate_place, ("temporal_conv", "unit_end"))
        check("gate_pool", self.gate_pool, tuple(GATE_POOLS))
        for name in ("norm", "temporal_norm", "norm_scale", "gate_bias"):
            check(name, getattr(self, name), (True, False))
        if not _is_number(self.norm_epsilon) or not 0 < self.norm_epsilon < float("inf"):
            raise ValueError(f"norm_epsilon must be a number above 0. Received: norm_epsilon={self.norm_epsilon!r}")
        if not _is_number(self.norm_momentum) or not 0 <= self.norm_momentum < 1:
            raise ValueError(f"norm_momentum must be in [0, 1). Received: norm_momentum={self.norm_momentum!r}")
        for name in ("norm_epsilon", "norm_momentum"):  # NumPy's numbers are none of JSON's
            object.__setattr__(self, name, float(getattr(self, name)))


def check(name: str, value, allowed: tuple) -> None:
    """Raises a ValueError unless `value` is one of `allowed` (True is not 1)."""
    if not any(type(value) is type(one) and value == one for one in allowed):
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}. Received: {name}={value!r}")


def as_style(style: Style | Mapping | None) -> Style:
    """A `Style`, from one, from the dict that a saved model holds, or the paper's.

    Raises:
        ValueError: neither, or a field that there is none of.
    """
    if isinstance(style, Style):
        return style
    known = [field.name for field in dataclasses.fields(Style)]
    if style is not None and not (isinstance(style, Mapping) and set(style) <= set(known)):
        raise ValueError(f"A style is a Style or a dict of {', '.join(known)}. Received: style={style!r}")
    return Style(**(style or {}))


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_branch(value) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and 0 <= value <= 3
