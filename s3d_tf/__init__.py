"""S3D, S3D-G, I3D and their family (Rethinking Spatiotemporal Feature Learning, arXiv 1712.04851) in Keras 3."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .networks import build_model, endpoints

__version__ = "0.1.0"
__all__ = ["__version__", "build_model", "endpoints"]


def __getattr__(name: str) -> Any:  # Keras is imported when it is needed: `--help` of a binary answers at once
    if name in __all__:
        from . import networks

        return getattr(networks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
