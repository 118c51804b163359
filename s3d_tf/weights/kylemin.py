"""Kyle Min's S3D (Kinetics-400, converted from the authors' weights). Source: kylemin/S3D, model.py."""

from __future__ import annotations

from s3d_tf.networks import ROWS
from s3d_tf.weights.preprocessing import Preprocessing
from s3d_tf.weights.source import PYTORCH_NORM, Source, arrange_pytorch

RENAMES = (
    (r"^module\.", ""),
    *((rf"^base\.{i}\.", f"{row.name}/") for i, row in enumerate(ROWS)),
    (r"/branch0\.0\.", "/Branch_0/Conv2d_0a_1x1/"),
    (r"/branch([12])\.0\.", r"/Branch_\1/Conv2d_0a_1x1/"),
    (r"/branch([12])\.1\.", r"/Branch_\1/Conv2d_0b_3x3/"),
    (r"/branch3\.1\.", "/Branch_3/Conv2d_0b_1x1/"),
    (r"/(conv|bn)(_s)?\.(\w+)$", r"/spatial/\1.\3"),
    (r"/(conv|bn)_t\.(\w+)$", r"/temporal/\1.\2"),
    (r"/bn\.", "/norm."),
    *PYTORCH_NORM,
    (r"^fc\.0\.weight$", "Conv2d_0c_1x1/kernel"),
    (r"^fc\.0\.bias$", "Conv2d_0c_1x1/bias"),
)


def preprocessing(channels: int) -> Preprocessing:
    return Preprocessing(modality="flow" if channels == 2 else "rgb", fps=25.0)


SOURCE = Source(
    "kylemin",
    RENAMES,
    (r"\.num_batches_tracked$",),
    arrange_pytorch,
    "torchvision",
    ("separable",) * 11,
    preprocessing,
)
