"""A foreign checkpoint of full size, with a range and a size of its own, and ours: one clip's logits on every way."""

import dataclasses
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import s3d_tf
from s3d_tf.networks import build_model
from s3d_tf.serving import video_input
from s3d_tf.serving.classifier import Classifier
from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import connect
from s3d_tf.serving.export import export
from s3d_tf.serving.predict import load_predictor
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach
from tests.conftest import shared_folder

sys.path.insert(0, str(Path(__file__).parent.parent / "weights"))
from sources import pytorch, weights, write_safetensors


def foreign(tmp_path):
    """torchvision's: mean and deviation, a shorter side."""
    arrays = weights(pytorch("torchvision", 7), True)
    model = s3d_tf.load_pretrained(write_safetensors(tmp_path / "s3d.safetensors", arrays))
    assert model.preprocessing.mean and model.preprocessing.crop == 224
    return model


def ours(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_model("s3d_g", 7, norm_momentum=0.0)
    model(np.random.default_rng(2).uniform(-1, 1, (2, 8, 96, 96, 3)), training=True)  # statistics as after training
    head = model.get_layer("Conv2d_0c_1x1")
    head.kernel.assign(np.random.default_rng(0).normal(size=head.kernel.shape))
    attach(model, Preprocessing())
    return model


@pytest.mark.parametrize("make", [foreign, ours])
@pytest.mark.slow
def test_every_way_gives_the_same_logits(make, motion_videos, serve, tmp_path):
    model, shared = make(tmp_path), shared_folder()
    path = next((shared / "clips/ucf101/YoYo").iterdir()) if shared else motion_videos / "val/drift_up/00002.avi"
    p = model.preprocessing = dataclasses.replace(model.preprocessing, labels=tuple("abcdefg"))
    (window, *_) = video_input.windows(path, {"rgb": p}, window=24, stride=24)
    shown = window.streams["rgb"]
    top, left = ((side - 224) // 2 for side in shown.shape[1:3])
    clip = shown[None, :, top : top + 224, left : left + 224].astype(np.float32)
    factors, offsets = (np.array(values, np.float32) for values in p.scale_and_offset())
    clip = clip * factors + offsets
    looped = clip[:, np.arange(max(p.min_frames, len(shown))) % len(shown)]
    expected = model(looped, training=False).numpy()
    size = np.abs(expected).max()
    folder = export(Classifier({"rgb": model}), tmp_path / "animals")
    signatures = tf.saved_model.load(str(folder)).signatures
    found = dict(reloaded=signatures["frames"](frames=tf.constant(shown[None]))["logits"].numpy())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder)).signature_def["frames"]
        found["TF1"] = session.run(meta.outputs["logits"].name, {meta.inputs["frames"].name: shown[None]})
    client = Client(connect(serve(folder.parent).grpc, "animals"))
    found["served"] = client.classify_frames(shown[None])
    for way, logits in found.items():
        assert np.abs(logits - expected).max() <= 1e-4 * max(size, 1), way
    served = next(client.classify_windows(str(path), 24, 24)).logits
    reloaded = signatures["serving_default"](jpegs=tf.constant([window.jpegs()["rgb"]]))["logits"].numpy()[0]
    assert np.abs(served - reloaded).max() <= 1e-4 * max(size, 1)
    assert np.abs(served - expected[0]).max() < 0.1 * np.ptp(expected)  # JPEG's error
    print(f"{make.__name__} {path.name}: logits up to {size:.3g}; apart", end=" ")
    print({way: f"{np.abs(logits - expected).max():.1e}" for way, logits in found.items()}, end=" ")
    print(f"JPEG {np.abs(served - expected[0]).max():.2e}")
    assert load_predictor(folder).labels == list("abcdefg")
