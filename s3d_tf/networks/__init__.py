"""Clip -> logits: the networks of the paper. Imports keras only, so it runs on any Keras backend."""

from .build import build_model, endpoints
from .inception import ENDPOINTS, ROWS, UNITS
from .layers import ConvUnit, InceptionBlock, SelfGating, SpatioTemporalConv, Style
from .variants import CONVENTIONS, VARIANTS, Network, network

__all__ = [
    "CONVENTIONS",
    "ENDPOINTS",
    "ROWS",
    "UNITS",
    "VARIANTS",
    "ConvUnit",
    "InceptionBlock",
    "Network",
    "SelfGating",
    "SpatioTemporalConv",
    "Style",
    "build_model",
    "endpoints",
    "network",
]
