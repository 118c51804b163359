"""Clip -> logits: the networks of the paper. Imports keras only, so it runs on any Keras backend."""

from .build import as_network, build_model, endpoints
from .ends import SpaceToDepth
from .fold import fold_norms
from .inception import ENDPOINTS, ROWS, UNITS
from .layers import ConvUnit, InceptionBlock, SelfGating, SpatioTemporalConv
from .style import Style
from .variants import CONVENTIONS, FAMILIES, VARIANTS, Network, convention_of, departures, kinds_of, network

__all__ = [
    "CONVENTIONS",
    "ENDPOINTS",
    "FAMILIES",
    "ROWS",
    "UNITS",
    "VARIANTS",
    "ConvUnit",
    "InceptionBlock",
    "Network",
    "SelfGating",
    "SpaceToDepth",
    "SpatioTemporalConv",
    "Style",
    "as_network",
    "build_model",
    "convention_of",
    "departures",
    "endpoints",
    "fold_norms",
    "kinds_of",
    "network",
]
