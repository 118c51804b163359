"""Full-size parameters and multiply-adds of the networks that an experiment compares, each counted once."""

from __future__ import annotations

from pathlib import Path

from s3d_tf.files import read_json, write_json
from s3d_tf.networks import build_model, cost
from s3d_tf.training.recipes import parse_changes

CLIP, CLASSES = (64, 224), 400  # frames, rows and columns: the paper's Table 2
CONVENTION = "64x224x224, 400 classes, width 1; multiply-adds count all SAME taps"


def name_of(network: str, changes: tuple[str, ...] = ()) -> str:
    """How a network with changes is called among the costs."""
    return " ".join((network, *changes))


def full_size(names: tuple[str, ...], path: Path) -> dict[str, dict[str, int]]:
    """`{name: {"params": ..., "multiply_adds": ...}}` at 64x224x224 and 400 classes; `path` keeps what was counted.

    Raises:
        ValueError: no such network.
    """
    known = read_json(path) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in sorted(set(names) - set(known)):
        network, *changes = name.split(" ")
        model = build_model(network, CLASSES, **parse_changes(tuple(changes)))
        total = cost.total(model, *CLIP)
        known[name] = dict(params=total.params, multiply_adds=total.multiply_adds)
        write_json(path, known)
    return {name: known[name] for name in names}


def known(names: tuple[str, ...], path: Path) -> dict[str, dict[str, int]] | None:
    """The same, if all were counted before."""
    found = read_json(path) if path.exists() else {}
    return {name: found[name] for name in names} if set(names) <= set(found) else None
