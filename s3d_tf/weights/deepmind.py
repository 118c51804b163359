"""DeepMind's kinetics-i3d checkpoints: RGB and flow, 400 and 600 classes. Source: deepmind/kinetics-i3d, i3d.py."""

from __future__ import annotations

from s3d_tf.weights import tf_slim
from s3d_tf.weights.preprocessing import Preprocessing
from s3d_tf.weights.source import Source, arrange_tensorflow

RENAMES = (
    (r"^(?:.*/)?Logits/Conv3d_0c_1x1/conv_3d/w$", "Conv2d_0c_1x1/kernel"),
    (r"^(?:.*/)?Logits/Conv3d_0c_1x1/conv_3d/b$", "Conv2d_0c_1x1/bias"),
    (r"^(?!Conv3d|Mixed).*?/(?=Conv3d_\d[abc]_|Mixed_)", ""),  # RGB/inception_i3d/, Flow/inception_i3d/ or nothing
    (r"^Mixed_5b/Branch_2/Conv3d_0a_3x3/", "Mixed_5b/Branch_2/Conv3d_0b_3x3/"),
    (r"Conv3d_(\w+)/conv_3d/w$", r"Conv2d_\1/spatial/conv/kernel"),
    (r"Conv3d_(\w+)/batch_norm/(gamma|beta|moving_mean|moving_variance)$", r"Conv2d_\1/spatial/norm/\2"),
)


def preprocessing(channels: int) -> Preprocessing:
    return Preprocessing(modality="flow" if channels == 2 else "rgb", resize=256, fps=25.0)


SOURCE = Source(
    "DeepMind kinetics-i3d", RENAMES, tf_slim.IGNORED, arrange_tensorflow, "tf_slim", ("3d",) * 11, preprocessing
)
