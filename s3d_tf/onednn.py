"""Enables oneDNN, TensorFlow's CPU kernels for convolutions, before TensorFlow is imported.

On Linux, TensorFlow enables oneDNN by default only on CPUs with AVX-512 VNNI, AVX-512 BF16, AVX-VNNI or AMX
(`DefaultOneDnnPolicy` in tensorflow/core/util/util.cc). On all others, such as AMD Zen 1 to 3, Conv3D and its gradients
run on Eigen, and a training step takes up to 40 times as long. TensorFlow reads the variable once, during its import.
"""

from __future__ import annotations

import os
import sys
import warnings

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


def enable() -> None:
    """Sets TF_ENABLE_ONEDNN_OPTS=1 for this process and its children, unless the environment sets it already.

    Warns if TensorFlow was imported before, with oneDNN disabled by default: then it is too late.
    """
    if VARIABLE in os.environ:
        return
    os.environ[VARIABLE] = "1"
    if sys.platform == "linux" and "tensorflow" in sys.modules and is_enabled() is False:
        warnings.warn(
            "TensorFlow was imported before s3d_tf and runs without oneDNN, which it does not enable by default on "
            "this CPU; training may be 40 times slower. Import s3d_tf first, or "
            f"set {VARIABLE}=1 before Python starts.",
            RuntimeWarning,
            stacklevel=3,
        )


def is_enabled() -> bool | None:
    """Returns whether TensorFlow itself reports oneDNN as enabled; None if this build of it does not tell."""
    try:
        from tensorflow.python.util._pywrap_util_port import IsMklEnabled
    except ImportError:
        return None
    return bool(IsMklEnabled())
