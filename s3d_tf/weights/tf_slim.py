"""The authors' TF-slim checkpoints: S3D-G, S3D and I3D, and the Inception-V1 of ImageNet that they started from.

Source: tensorflow/models, research/slim/nets/{s3dg,i3d,i3d_utils,inception_v1}.py.
"""

from __future__ import annotations

from s3d_tf.weights.preprocessing import Preprocessing
from s3d_tf.weights.source import Source, arrange_tensorflow

RENAMES = (
    (r"^(?:.*/)?Logits/Conv2d_0c_1x1/weights$", "Conv2d_0c_1x1/kernel"),
    (r"^(?:.*/)?Logits/Conv2d_0c_1x1/biases$", "Conv2d_0c_1x1/bias"),
    (r"^(?!Conv2d|Mixed).*?/(?=Conv2d_\d[abc]_|Mixed_)", ""),  # the scope, as a rule InceptionV1
    (r"^Mixed_5b/Branch_2/Conv2d_0a_3x3/", "Mixed_5b/Branch_2/Conv2d_0b_3x3/"),  # so misnamed in Inception-V1
    (r"/self_gating/transformer_W/weights$", "/gate/kernel"),
    (r"/self_gating/transformer_W/biases$", "/gate/bias"),
    (r"/temporal/weights$", "/temporal/conv/kernel"),
    (r"/temporal/biases$", "/temporal/conv/bias"),
    (r"/weights$", "/spatial/conv/kernel"),
    (r"/BatchNorm/(gamma|beta|moving_mean|moving_variance)$", r"/spatial/norm/\1"),
)

IGNORED = (
    r"(^|/)global_step$",
    r"/ExponentialMovingAverage$",
    r"/(Momentum|RMSProp(_\d+)?|Adam(_\d+)?|Adagrad|Ftrl(_\d+)?)$",
    r"^beta[12]_power$",
    r"(^|/)AuxLogits/",
)


def preprocessing(channels: int) -> Preprocessing:
    return Preprocessing(modality="flow" if channels == 2 else "rgb", fps=25.0)


VIDEO = Source("TF-slim", RENAMES, IGNORED, arrange_tensorflow, "tf_slim", None, preprocessing)
IMAGE = Source(
    "TF-slim Inception-V1", RENAMES, IGNORED, arrange_tensorflow, "paper", ("2d",) * 11, preprocessing, kernel_rank=4
)
