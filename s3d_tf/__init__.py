"""S3D, S3D-G, I3D and their family (Rethinking Spatiotemporal Feature Learning, arXiv 1712.04851) in Keras 3."""

from .networks import build_model, endpoints

__version__ = "0.1.0"
__all__ = ["__version__", "build_model", "endpoints", "load_pretrained"]


def __getattr__(name: str):
    if name == "load_pretrained":  # only when asked for: the networks need no reader of checkpoints
        from .weights import load_pretrained

        return load_pretrained
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
