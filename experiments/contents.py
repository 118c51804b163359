"""All experiments, in the order in which they are done and reported."""

from __future__ import annotations

import importlib

from .experiment import Experiment

NAMES = (  # modules of this folder, each with an EXPERIMENT
    "table1_arrow_of_time",
    "table2_gating_kinetics",
    "table3_gating_something",
    "table4_flow",
    "table5_transfer",
    "table6_detection",
    "figure4_tradeoff",
    "figure5_filter_statistics",
    "figure7_tsne",
    "section46_gating",
    "footnote5_branches",
)


def load(name: str) -> Experiment:
    """The experiment of a binary.

    Raises:
        ValueError: no such experiment.
    """
    if name not in NAMES:
        raise ValueError(f"Experiments are {', '.join(NAMES)}. Received: {name!r}")
    return importlib.import_module(f"experiments.{name}").EXPERIMENT
