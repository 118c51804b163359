import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import pipeline
from s3d_tf.data.split import open_split
from s3d_tf.networks import build_model
from s3d_tf.training import evaluate
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach


def test_top_k_by_hand():
    logits = np.array([[3.0, 2, 1], [1, 2, 3], [1, 3, 2], [0, 0, 0]])
    labels = np.array([0, 1, 0, 1])
    assert evaluate.top_k(logits, labels, 1) == 0.25
    assert evaluate.top_k(logits, labels, 2) == 0.75  # of equal logits the lower id goes first
    assert evaluate.top_k(logits, labels, 5) == 1.0


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = build_model("s3d", 4, width=0.1, norm_momentum=0.0)
    model(np.random.default_rng(2).uniform(-1, 1, (4, 8, 64, 64, 3)), training=True)  # statistics as after training
    head = model.get_layer("Conv2d_0c_1x1")
    head.kernel.assign(np.random.default_rng(0).normal(size=head.kernel.shape))
    attach(model, Preprocessing(resize=(40, 40), crop=32))
    return model


def run(model, split, **options):
    options = dict(at_least=16, batch_size=3, strategy=tf.distribute.get_strategy()) | options
    return evaluate.evaluate(model, split, **options)


def test_the_numbers_do_not_depend_on_the_batch_size(model, motion_records):
    split = open_split(motion_records, "val")
    (a, first), (b, second) = (run(model, split, batch_size=size) for size in (1, 4))
    assert a == b
    assert first.media_ids == second.media_ids
    assert first.logits.std(axis=0).min() > 0.01  # the videos make a difference
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-4)
    assert (a["num_videos"], a["chance"], a["top5"]) == (10, 0.25, 1.0)
    assert a["protocol"]["direction"] == "forwards"


def test_logits_are_those_of_the_frames(model, motion_records):
    """Frames read, cropped and scaled by hand give the same logits."""
    split = open_split(motion_records, "val")
    _, predictions = run(model, split, at_least=8)
    record = pipeline.records.parse(next(iter(tf.data.TFRecordDataset(split.files[0]))))
    frames = np.stack(
        [tf.image.decode_jpeg(j, dct_method="INTEGER_ACCURATE").numpy() for j in record.streams["rgb"].numpy()]
    )
    clip = frames[None, :, 4:36, 4:36].astype(np.float32) / 127.5 - 1
    place = predictions.media_ids.index(record.media_id.numpy().decode())
    spread = predictions.logits.std()
    np.testing.assert_allclose(model(clip)[0], predictions.logits[place], atol=0.05 * spread)  # colour at the border
