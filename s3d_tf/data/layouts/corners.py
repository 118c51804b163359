"""Boxes as annotators wrote them -> boxes inside the frame."""

from __future__ import annotations

import numpy as np

from .source import Remarks

CLIPPED = "boxes that reach past the frame, clipped"


def inside(corners: np.ndarray, name: str, remarks: Remarks) -> np.ndarray:
    """`[N, 4]` ymin, xmin, ymax, xmax as shares of the frame -> the part in [0, 1]; what is cut off is counted.

    Raises:
        ValueError: a box that is inverted, empty or wholly outside, or no numbers.
    """
    clipped = np.clip(corners, 0, 1)
    good = np.isfinite(corners).all(1) & (clipped[:, :2] < clipped[:, 2:]).all(1)
    if bad := np.flatnonzero(~good).tolist():
        raise ValueError(
            f"A box must be ymin < ymax and xmin < xmax, and at least partly in the frame, which is [0, 1]. Received: "
            f"{corners[bad[0]].tolist()} of {name} ({len(bad)} such boxes)"
        )
    for _ in range(int((clipped != corners).any(1).sum())):
        remarks.add(CLIPPED, name)
    return clipped
