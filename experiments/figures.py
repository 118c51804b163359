"""Figures as PNG and SVG; matplotlib is imported when one is drawn."""

from __future__ import annotations

import io
from typing import Any


def new(width: float, height: float) -> Any:
    """An empty matplotlib Figure of so many inches.

    Raises:
        ValueError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(f"Figures need matplotlib: pip install -e '.[plots]'. Received: {error}") from None
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def encode(figure: Any, name: str) -> dict[str, bytes]:
    """`NAME.png` and `NAME.svg`, the same bytes for the same figure."""
    import matplotlib

    found = {}
    with matplotlib.rc_context({"svg.hashsalt": "s3d_tf"}):
        for ending, metadata in (("png", None), ("svg", {"Date": None})):
            content = io.BytesIO()
            figure.savefig(content, format=ending, metadata=metadata)
            found[f"{name}.{ending}"] = content.getvalue()
    return found
