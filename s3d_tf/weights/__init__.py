"""Weights: other people's checkpoints into our networks, one network's into another's, and our own files."""

from .own import load, save
from .preprocessing import Preprocessing
from .pretrained import Checkpoint, Report, load_into, load_pretrained, read_checkpoint, translate

__all__ = [
    "Checkpoint",
    "Preprocessing",
    "Report",
    "load",
    "load_into",
    "load_pretrained",
    "read_checkpoint",
    "save",
    "translate",
]
