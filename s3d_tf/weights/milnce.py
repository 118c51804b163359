"""MIL-NCE's S3D-G, trained on HowTo100M. Source: antoine77340/S3D_HowTo100M, s3dg.py."""

from __future__ import annotations

from s3d_tf.weights.preprocessing import Preprocessing
from s3d_tf.weights.source import PYTORCH_NORM, Source, arrange_pytorch

RENAMES = (
    (r"^module\.", ""),
    (r"^conv1\.", "Conv2d_1a_7x7/"),
    (r"^conv_2b\.", "Conv2d_2b_1x1/"),
    (r"^conv_2c\.", "Conv2d_2c_3x3/"),
    (r"^gating\.", "Conv2d_2c_3x3/gate/"),
    (r"^mixed_(\w+)\.", r"Mixed_\1/"),
    (r"/conv_b0\.", "/Branch_0/Conv2d_0a_1x1/"),
    (r"/conv_b([12])_a\.", r"/Branch_\1/Conv2d_0a_1x1/"),
    (r"/conv_b([12])_b\.", r"/Branch_\1/Conv2d_0b_3x3/"),
    (r"/conv_b3_b\.", "/Branch_3/Conv2d_0b_1x1/"),
    (r"/gating_b0\.", "/Branch_0/Conv2d_0a_1x1/gate/"),
    (r"/gating_b([12])\.", r"/Branch_\1/Conv2d_0b_3x3/gate/"),
    (r"/gating_b3\.", "/Branch_3/Conv2d_0b_1x1/gate/"),
    (r"/gate/fc\.weight$", "/gate/kernel"),
    (r"/gate/fc\.bias$", "/gate/bias"),
    (r"/(conv|bn)1\.(\w+)$", r"/spatial/\1.\2"),
    (r"/(conv|bn)2\.(\w+)$", r"/temporal/\1.\2"),
    (r"/bn\.", "/norm."),
    *PYTORCH_NORM,
    (r"^fc\.weight$", "Conv2d_0c_1x1/kernel"),
    (r"^fc\.bias$", "Conv2d_0c_1x1/bias"),
)


def preprocessing(channels: int) -> Preprocessing:
    modality = "flow" if channels == 2 else "rgb"
    return Preprocessing(modality=modality, pixel_range=(0.0, 1.0), resize=256, fps=10.0)


SOURCE = Source(
    "MIL-NCE",
    RENAMES,
    (r"\.num_batches_tracked$", r"^(module\.)?text_module\."),
    arrange_pytorch,
    "milnce",
    ("separable",) * 11,
    preprocessing,
)
