"""From names and shapes to the network they belong to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from s3d_tf.networks import CONVENTIONS, ROWS, UNITS, VARIANTS, Network, network
from s3d_tf.networks.build import scaled
from s3d_tf.networks.inception import STEM, Conv, MaxPool
from s3d_tf.networks.variants import FAMILIES

Shapes = Mapping[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Recognised:
    """The arguments of `build_model` that a set of weights asks for."""

    network: Network
    num_classes: int
    width: float
    channels: int  # of the clip: 3 or 2


def recognise(shapes: Shapes, convention: str, kinds: tuple[str, ...] | None = None) -> Recognised:
    """The network that has variables of these shapes, as nearly as possible: what is wrong shows when assigning.

    Args:
        shapes: by our names, in our layout.
        convention: a key of `CONVENTIONS`; gates, biases, norms and the stem follow the shapes where they differ.
        kinds: what every unit is, or None to go by the shapes. A stem that is so given is not taken for 2D when its
            kernel has a single frame or its temporal conv lacks.
    """
    ranks = {"/conv/kernel": 5, "1x1/kernel": 5, "1x1/bias": 1}  # of another rank is none: `assign` will tell
    shapes = {n: s for n, s in shapes.items() if all(len(s) == r for end, r in ranks.items() if n.endswith(end))}
    fixed, row = kinds is not None, CONVENTIONS[convention]
    kinds = kinds[1:] if fixed else tuple(_kind(shapes, unit) for unit in UNITS[1:])
    stem = shapes.get(f"{STEM}/spatial/conv/kernel", (3, 7, 7, 3, 64))
    space_to_depth = stem[1:3] == (4, 4)
    flat = kinds == ("2d",) * 10 if fixed else stem[0] == 1
    separable_stem = _has(shapes, f"{STEM}/temporal/") or (fixed and not flat and row.get("stem") == "separable")
    if separable_stem:
        stem_kind, stem_frames = "separable", shapes.get(f"{STEM}/temporal/conv/kernel", (7,))[0]
    else:
        stem_kind = "2d" if flat else "separable" if "separable" in kinds else "3d"
        stem_frames = stem[0] if stem[0] in (3, 5, 7) else 3
    changes = dict(
        kinds=(stem_kind, *kinds),
        stem="space_to_depth" if space_to_depth else "separable" if separable_stem else "full",
        stem_frames=stem_frames if stem_frames in (1, 3, 5, 7) else 7,
        gates=tuple(unit for unit in UNITS if any(n.startswith(f"{unit}/") and "/gate/" in n for n in shapes)),
        norm_scale=any(n.endswith("/norm/gamma") for n in shapes),
        gate_bias=any(n.endswith("/gate/bias") for n in shapes),
    )
    net = network("s3d", convention, **changes)
    return Recognised(
        dataclasses.replace(net, name=_name(net)),
        num_classes=shapes.get("Conv2d_0c_1x1/kernel", shapes.get("Conv2d_0c_1x1/bias", (400,)))[-1],
        width=_width(shapes),
        channels=stem[3] // 8 if space_to_depth else stem[3],
    )


def conv_channels() -> dict[str, int]:
    """Channels out of every conv unit at width 1, by its name in our variables."""
    channels = {}
    for row in ROWS:
        if isinstance(row, Conv):
            channels[row.name] = row.channels
        elif not isinstance(row, MaxPool):
            first, (reduce1, conv1), (reduce2, conv2), last = row.channels
            for branch, unit, count in (
                (0, "Conv2d_0a_1x1", first),
                (1, "Conv2d_0a_1x1", reduce1),
                (1, "Conv2d_0b_3x3", conv1),
                (2, "Conv2d_0a_1x1", reduce2),
                (2, "Conv2d_0b_3x3", conv2),
                (3, "Conv2d_0b_1x1", last),
            ):
                channels[f"{row.name}/Branch_{branch}/{unit}"] = count
    return channels


def _has(shapes: Shapes, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in shapes)


def _kind(shapes: Shapes, unit: str) -> str:
    """What the 3x3 convs of `unit` are."""
    convs = [unit] if unit.startswith("Conv") else [f"{unit}/Branch_{branch}/Conv2d_0b_3x3" for branch in (1, 2)]
    if any(_has(shapes, f"{conv}/temporal/") for conv in convs):
        return "separable"
    frames = [shapes[f"{conv}/spatial/conv/kernel"][0] for conv in convs if f"{conv}/spatial/conv/kernel" in shapes]
    return "3d" if max(frames, default=1) > 1 else "2d"


def _width(shapes: Shapes) -> float:
    """The width that explains most channel counts, with the fewest digits."""
    base = conv_channels()
    found = {
        name: shapes[f"{name}/spatial/conv/kernel"][-1] for name in base if f"{name}/spatial/conv/kernel" in shapes
    }
    if all(found[name] == base[name] for name in found):
        return 1.0
    best, best_score = 1.0, (-1, 0)
    for digits in range(1, 8):
        steps = 10**digits
        for width in {math.ceil(steps * found[name] / base[name]) / steps for name in found}:
            score = (sum(scaled(base[name], width, 16) == found[name] for name in found), -digits)
            if width > 0 and score > best_score:
                best, best_score = width, score
    return best


def _name(net: Network) -> str:
    """What the network is called, or "custom"."""
    names = [*VARIANTS, *(f"{family}:{k}" for family in FAMILIES for k in range(1, len(UNITS)))]
    for name in names:
        row = network(name)
        same_stem = row.kinds[0] == net.kinds[0] or "2d" not in (row.kinds[0], net.kinds[0])
        if row.kinds[1:] == net.kinds[1:] and same_stem and row.gates == net.gates:
            return name
    return "custom"
