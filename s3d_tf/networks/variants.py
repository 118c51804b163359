"""The surgery: which of the 11 units are 2D, 3D or separable, which are gated, and in whose convention.

A network is one `Network`: a row of `CONVENTIONS`, changed by a row of `VARIANTS`, changed by what the caller asks.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence

from .inception import STEM, UNITS
from .layers import KINDS
from .style import Style, as_style, check

FLAT = ("2d",) * 11
FULL = ("3d",) * 11
SEPARABLE = ("separable",) * 11  # the stem, of 3 frames, stays one full conv unless `stem` says otherwise


@dataclasses.dataclass(frozen=True)
class Network:
    """Everything that tells one network of the family from another.

    Attributes:
        name: as asked for.
        kinds: "2d", "3d" or "separable" for each of `UNITS`, bottom to top.
        stem: how Conv2d_1a_7x7 is built unless it is 2D: "full" (the authors' code, also of S3D), "separable", or
            "space_to_depth" (MIL-NCE: 2x4x4 on blocks of 2x2x2 pixels, whose 24 channels make it see 4x8x8 pixels).
        stem_frames: temporal taps of a full or separable stem: 1, 3, 5 or 7.
        stem_padding: "same" (TensorFlow's, asymmetric at stride 2) or "symmetric".
        pool_padding: likewise for the max-pools between the blocks, or "end" (all of it after the last pixel).
        gates: names of the gated units.
        head: "pairs" (mean over every two neighbouring frames, dropout, logits, mean over time) or "global" (one
            mean, dropout, logits).
        min_channels: no layer gets fewer, whatever the width.
        style: what differs inside the units.

    Raises:
        ValueError: a field out of its range.
    """

    name: str
    kinds: tuple[str, ...]
    stem: str = "full"
    stem_frames: int = 3
    stem_padding: str = "same"
    pool_padding: str = "same"
    gates: tuple[str, ...] = ()
    head: str = "pairs"
    min_channels: int = 16
    style: Style = Style()

    def __post_init__(self):
        if not self.name or not isinstance(self.name, str) or "/" in self.name:
            raise ValueError(f"A network needs a name, without a slash. Received: name={self.name!r}")
        object.__setattr__(self, "style", as_style(self.style))  # a dict when read back from JSON
        for field in ("kinds", "gates"):
            if isinstance(getattr(self, field), str) or not isinstance(getattr(self, field), Sequence):
                raise ValueError(f"{field} must be a tuple of names. Received: {field}={getattr(self, field)!r}")
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if len(self.kinds) != len(UNITS) or any(kind not in KINDS for kind in self.kinds):
            raise ValueError(f"kinds must be {len(UNITS)} of {', '.join(KINDS)}. Received: kinds={self.kinds!r}")
        if any(gate not in UNITS for gate in self.gates):
            raise ValueError(f"gates must be names among {', '.join(UNITS)}. Received: gates={self.gates!r}")
        check("stem", self.stem, ("full", "separable", "space_to_depth"))
        check("stem_frames", self.stem_frames, (1, 3, 5, 7))
        check("stem_padding", self.stem_padding, ("same", "symmetric"))
        check("pool_padding", self.pool_padding, ("same", "symmetric", "end"))
        check("head", self.head, ("pairs", "global"))
        if type(self.min_channels) is not int or self.min_channels < 1:
            raise ValueError(
                f"min_channels must be an integer of 1 or more. Received: min_channels={self.min_channels!r}"
            )


def kinds_of(net: Network) -> dict[str, str]:
    """The kind of every unit as it is built: a separable network's stem is 3D unless `stem` says otherwise."""
    kinds = dict(zip(UNITS, net.kinds, strict=True))
    if kinds[STEM] != "2d":
        kinds[STEM] = "separable" if net.stem == "separable" else "3d"
    return kinds


VARIANTS: dict[str, dict] = {
    "i2d": dict(kinds=FLAT),
    "i3d": dict(kinds=FULL, stem="full", stem_frames=7),
    "s3d": dict(kinds=SEPARABLE),
    "s3d_g": dict(kinds=SEPARABLE, gates=UNITS[1:]),
    "fast_s3d": dict(kinds=("separable", *FLAT[:8], "separable", "separable")),  # 43.47 GFLOPS in section 4.5
}

FAMILIES: dict[str, tuple[str, str]] = {  # name -> the full network, and the side that keeps its kinds (section 4.2)
    "top_heavy_i3d": ("i3d", "top"),
    "bottom_heavy_i3d": ("i3d", "bottom"),
    "top_heavy_s3d": ("s3d", "top"),
    "bottom_heavy_s3d": ("s3d", "bottom"),
}

PYTORCH = dict(temporal_branches=(1, 2), temporal_norm=True, norm_scale=True, flat_pool_frames=3, gate_place="unit_end")

CONVENTIONS: dict[str, dict] = {
    "paper": {},
    "tf_slim": dict(temporal_branches=(1, 2), flat_pool_frames=3, gate_place="unit_end"),
    "torchvision": dict(  # and kylemin's
        stem="separable", stem_frames=7, stem_padding="symmetric", pool_padding="symmetric", **PYTORCH
    ),
    "milnce": dict(
        stem="space_to_depth",
        stem_padding="symmetric",
        pool_padding="end",
        head="global",
        gate_bias=True,
        norm_epsilon=1e-5,
        norm_momentum=0.9,
        **PYTORCH,
    ),
}


def network(name: str, convention: str = "paper", *, k: int | str | None = None, **changes) -> Network:
    """The `Network` called `name`, built as `convention` does, with fields of `Network` or `Style` changed.

    Args:
        name: a key of `VARIANTS` or of `FAMILIES`; the K of a family may follow, as in "top_heavy_s3d:Mixed_4b" or
            "top_heavy_s3d:2".
        convention: a key of `CONVENTIONS`.
        k: the K of a family: how many units keep their temporal extent (0 is I2D, 11 the full network), or the
            name of the first (top-heavy) or last (bottom-heavy) one that does.
        **changes: fields to set, such as `stem_frames=5` or `gate_pool="space"`.

    Raises:
        ValueError: no such network, convention or field, or a value out of range; what there is is listed.
    """
    base, _, suffix = name.partition(":") if isinstance(name, str) else (name, "", "")
    if base not in VARIANTS and base not in FAMILIES:
        raise ValueError(f"Unknown network: choose one of {', '.join((*VARIANTS, *FAMILIES))}. Received: {name!r}")
    if not isinstance(convention, str) or convention not in CONVENTIONS:
        raise ValueError(f"Unknown convention: choose one of {', '.join(CONVENTIONS)}. Received: {convention!r}")
    _check_fields(changes)
    if suffix and k is not None:
        raise ValueError(f"Give K in the name or as k, not both. Received: {name!r} and k={k!r}")
    variant = VARIANTS.get(base)
    if variant is None:
        name, variant = _surgery(base, suffix or k)
    elif ":" in name or k is not None:
        raise ValueError(f"Only {', '.join(FAMILIES)} have a K. Received: {name!r} and k={k!r}")
    fields = {**CONVENTIONS[convention], **variant, **changes}
    style = Style(**{key: value for key, value in fields.items() if key in _STYLE})
    return Network(name, style=style, **{key: value for key, value in fields.items() if key not in _STYLE})


def changed(net: Network, **changes) -> Network:
    """The same network with fields of `Network` or `Style` set otherwise.

    Raises:
        ValueError: no such field, or a value out of range.
    """
    _check_fields(changes)
    style = dataclasses.replace(net.style, **{key: value for key, value in changes.items() if key in _STYLE})
    rest = {key: value for key, value in changes.items() if key not in _STYLE}
    return dataclasses.replace(net, style=style, **rest)


def departures(net: Network, convention: str) -> dict:
    """The habits in which `net` is not what `convention` says, whatever its name: field -> its own value."""
    row, habits = network("s3d", convention), ("stem_padding", "pool_padding", "head", "min_channels")
    fields = [(name, net, row) for name in habits]
    fields += [(field.name, net.style, row.style) for field in dataclasses.fields(Style)]
    return {name: getattr(own, name) for name, own, usual in fields if getattr(own, name) != getattr(usual, name)}


def convention_of(net: Network) -> str:
    """The convention that `net` departs from in the fewest habits: the one it was built by, as a rule."""
    return min(CONVENTIONS, key=lambda convention: len(departures(net, convention)))


_STYLE = frozenset(field.name for field in dataclasses.fields(Style))


def _check_fields(changes: dict) -> None:
    known = _STYLE | {field.name for field in dataclasses.fields(Network)} - {"style", "name"}
    if unknown := sorted(set(changes) - known):
        raise ValueError(f"Unknown field: choose among {', '.join(sorted(known))}. Received: {', '.join(unknown)}")


def _surgery(family: str, k: int | str | None) -> tuple[str, dict]:
    """The name and the row of `family` with K = `k` (section 4.2, Figure 4)."""
    full, side = FAMILIES[family]
    count = k
    if k in UNITS:
        count = len(UNITS) - UNITS.index(k) if side == "top" else UNITS.index(k) + 1
    elif isinstance(k, str) and k.isdecimal():
        count = int(k)
    if not isinstance(count, numbers.Integral) or isinstance(count, bool) or not 0 <= count <= len(UNITS):
        raise ValueError(
            f"{family} needs a K from 0 to {len(UNITS)} or the name of one of {', '.join(UNITS)}. Received: k={k!r}"
        )
    count = int(count)
    kinds, flat = VARIANTS[full]["kinds"], len(UNITS) - count
    kinds = FLAT[:flat] + kinds[flat:] if side == "top" else kinds[:count] + FLAT[count:]
    return f"{family}:{count}", {**VARIANTS[full], "kinds": kinds}
