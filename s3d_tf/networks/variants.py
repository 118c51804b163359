"""The surgery: which of the 11 units are 2D, 3D or separable, which are gated, and in whose convention.

A network is one `Network`: a row of `VARIANTS`, changed by a row of `CONVENTIONS`, changed by what the caller asks.
"""

from __future__ import annotations

import dataclasses

from .inception import UNITS
from .layers import Style

FLAT = ("2d",) * 11
FULL = ("3d",) * 11
SEPARABLE = ("3d",) + ("separable",) * 10  # the stem stays one full conv, of 3 frames (the authors' code)


@dataclasses.dataclass(frozen=True)
class Network:
    """Everything that tells one network of the family from another.

    Attributes:
        name: as asked for.
        kinds: "2d", "3d" or "separable" for each of `UNITS`.
        stem_frames: temporal taps of Conv2d_1a_7x7 when it is not 2D: 1, 3, 5 or 7.
        stem_padding: "same" or "symmetric".
        pool_padding: likewise, for the max-pools between the blocks.
        gates: names of the gated units.
        head_frames: frames under the head's average pool.
        min_channels: no layer gets fewer, whatever the width.
        style: what differs inside the units.
    """

    name: str
    kinds: tuple[str, ...]
    stem_frames: int = 3
    stem_padding: str = "same"
    pool_padding: str = "same"
    gates: tuple[str, ...] = ()
    head_frames: int = 2
    min_channels: int = 16
    style: Style = Style()


VARIANTS: dict[str, dict] = {
    "i2d": dict(kinds=FLAT),
    "i3d": dict(kinds=FULL, stem_frames=7),
    "s3d": dict(kinds=SEPARABLE),
    "s3d_g": dict(kinds=SEPARABLE, gates=UNITS),
}

CONVENTIONS: dict[str, dict] = {
    "paper": {},
}


def network(name: str, convention: str = "paper", **changes) -> Network:
    """The `Network` called `name`, built as `convention` does, with fields of `Network` or `Style` changed.

    Raises:
        ValueError: no such network, convention or field; the ones that exist are listed.
    """
    if name not in VARIANTS:
        raise ValueError(f"Unknown network: choose one of {', '.join(VARIANTS)}. Received: {name!r}")
    if convention not in CONVENTIONS:
        raise ValueError(f"Unknown convention: choose one of {', '.join(CONVENTIONS)}. Received: {convention!r}")
    fields = {**VARIANTS[name], **CONVENTIONS[convention], **changes}
    style_names = {field.name for field in dataclasses.fields(Style)}
    known = style_names | {field.name for field in dataclasses.fields(Network)} - {"style", "name"}
    if unknown := sorted(set(changes) - known):
        raise ValueError(f"Unknown field: choose among {', '.join(sorted(known))}. Received: {', '.join(unknown)}")
    style = Style(**{key: value for key, value in fields.items() if key in style_names})
    return Network(name, style=style, **{key: value for key, value in fields.items() if key not in style_names})
