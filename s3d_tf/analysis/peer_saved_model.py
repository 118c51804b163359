"""An exported model in TensorFlow alone, timed on request by a `timing.Peer`. Run by path, so that s3d_tf sets nothing.

    python s3d_tf/analysis/peer_saved_model.py '{"version": "model/1", "shape": [1, 64, 256, 256, 3]}'

It calls the signature `frames` on uint8 noise of `shape`, on the CPU. Its first line also holds the `logits`, and
`onednn`: whether TensorFlow reports oneDNN as enabled.
"""

import json
import os
import sys
import time


def main(config: dict) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.util._pywrap_util_port import IsMklEnabled

    loaded = tf.saved_model.load(config["version"])  # its signatures live as long as it does
    signature = loaded.signatures["frames"]
    frames = tf.constant(np.random.default_rng(0).integers(0, 256, config["shape"], np.uint8))
    logits = signature(frames=frames)["logits"].numpy().tolist()
    greeting = dict(versions=dict(tensorflow=tf.__version__), runs=["frames"], onednn=IsMklEnabled(), logits=logits)
    print(json.dumps(greeting), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        signature(frames=frames)["logits"].numpy()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
