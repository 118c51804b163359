"""S3D, S3D-G, I3D and their family (Rethinking Spatiotemporal Feature Learning, arXiv 1712.04851) in Keras 3."""

import importlib
from typing import TYPE_CHECKING, Any

from . import onednn

if TYPE_CHECKING:
    from .networks import build_model, endpoints
    from .weights import load_pretrained

__version__ = "0.1.0"
__all__ = ["__version__", "build_model", "endpoints", "load_pretrained"]

onednn.enable()  # before anything here imports TensorFlow


def __getattr__(name: str) -> Any:  # Keras is imported when it is needed: `--help` of a binary answers at once
    home = {"build_model": "networks", "endpoints": "networks", "load_pretrained": "weights"}.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
