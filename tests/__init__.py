"""Mirrors s3d_tf and experiments."""

import s3d_tf  # noqa: F401 (before any test imports TensorFlow: it enables oneDNN)
