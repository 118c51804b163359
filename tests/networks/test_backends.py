"""The same weights give the same logits under another Keras backend, in a process of its own."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from s3d_tf.networks import build_model
from s3d_tf.weights import load_pretrained, save

ROOT = pathlib.Path(__file__).parents[2]
CASES = [("s3d_g", "paper"), ("s3d", "torchvision"), ("s3d_g", "milnce"), ("i3d", "tf_slim")]

PROGRAM = """
import sys
import numpy as np
import s3d_tf
s3d_tf.build_model  # noqa: B018
assert "tensorflow" not in sys.modules, "s3d_tf.networks imported tensorflow"
import keras
assert keras.backend.backend() == sys.argv[1]
folder = sys.argv[2]
model = s3d_tf.load_pretrained(folder + "/model")
assert "tensorflow" not in sys.modules, "load_pretrained imported tensorflow"
x = np.load(folder + "/clips.npz")
np.savez(folder + "/logits.npz", **{k: model.predict(v, verbose=0) for k, v in x.items()})
"""


def python_with(module: str) -> str:
    """This Python if it has `module`, or the one that the environment names: S3D_TF_JAX_PYTHON, S3D_TF_TORCH_PYTHON."""
    other = os.environ.get(f"S3D_TF_{module.upper()}_PYTHON")
    if not other and importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed and S3D_TF_{module.upper()}_PYTHON is not set")
    return other or sys.executable


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize(("name", "convention"), CASES)
def test_the_same_weights_give_the_same_logits(backend, name, convention, tmp_path):
    python = python_with(backend)
    model = build_model(name, 5, width=0.25, convention=convention)
    rng = np.random.default_rng(0)
    for w in model.weights:
        if w.path.endswith("moving_variance"):
            w.assign(0.5 + rng.random(w.shape))
        elif len(w.shape) == 5 and "temporal" not in w.path:
            w.assign(rng.standard_normal(w.shape) * np.sqrt(2 / np.prod(w.shape[:-1])))
    save(model, tmp_path / "model")
    clips = dict(odd=rng.uniform(-1, 1, (2, 9, 33, 40, 3)).astype("float32"))
    np.savez(tmp_path / "clips.npz", **clips)
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = [python, "-c", PROGRAM, backend, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    logits = np.load(tmp_path / "logits.npz")
    for key, clip in clips.items():
        expected = np.asarray(load_pretrained(tmp_path / "model")(clip))
        assert np.abs(logits[key] - expected).max() <= 1e-4 * max(1, np.abs(expected).max())
