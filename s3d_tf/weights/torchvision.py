"""torchvision's S3D. Source: pytorch/vision, torchvision/models/video/s3d.py (weights KINETICS400_V1)."""

from __future__ import annotations

from s3d_tf.networks import ROWS
from s3d_tf.weights.preprocessing import Preprocessing
from s3d_tf.weights.source import PYTORCH_NORM, Source, arrange_pytorch

RENAMES = (
    (r"^module\.", ""),
    *((rf"^features\.{i}\.", f"{row.name}/") for i, row in enumerate(ROWS)),
    (r"^(Conv2d_1a_7x7|Conv2d_2c_3x3)/0\.", r"\1/spatial/"),
    (r"^(Conv2d_1a_7x7|Conv2d_2c_3x3)/1\.", r"\1/temporal/"),
    (r"^Conv2d_2b_1x1/", "Conv2d_2b_1x1/spatial/"),
    (r"/branch0\.", "/Branch_0/Conv2d_0a_1x1/spatial/"),
    (r"/branch([12])\.0\.", r"/Branch_\1/Conv2d_0a_1x1/spatial/"),
    (r"/branch([12])\.1\.0\.", r"/Branch_\1/Conv2d_0b_3x3/spatial/"),
    (r"/branch([12])\.1\.1\.", r"/Branch_\1/Conv2d_0b_3x3/temporal/"),
    (r"/branch3\.1\.", "/Branch_3/Conv2d_0b_1x1/spatial/"),
    (r"/0\.weight$", "/conv.weight"),
    (r"/1\.(\w+)$", r"/norm.\1"),
    *PYTORCH_NORM,
    (r"^classifier\.1\.weight$", "Conv2d_0c_1x1/kernel"),
    (r"^classifier\.1\.bias$", "Conv2d_0c_1x1/bias"),
)


def preprocessing(channels: int) -> Preprocessing:
    if channels == 2:
        return Preprocessing(modality="flow", fps=15.0, min_frames=14)
    return Preprocessing(mean=(0.43216, 0.394666, 0.37645), std=(0.22803, 0.22145, 0.216989), fps=15.0, min_frames=14)


SOURCE = Source(
    "torchvision",
    RENAMES,
    (r"\.num_batches_tracked$",),
    arrange_pytorch,
    "torchvision",
    ("separable",) * 11,
    preprocessing,
)
