"""The paper's tables and figures, one binary each, on the paper's data or on the embedded sets. See README.md."""

from s3d_tf import cli as _cli  # noqa: F401 (first, so that TensorFlow starts quietly)
