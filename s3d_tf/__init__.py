"""S3D, S3D-G, I3D and their family (Rethinking Spatiotemporal Feature Learning, arXiv 1712.04851) in Keras 3."""

from .networks import build_model, endpoints

__version__ = "0.1.0"
__all__ = ["__version__", "build_model", "endpoints"]
