import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import pipeline
from s3d_tf.data.split import open_split
from s3d_tf.networks import build_model
from s3d_tf.training import evaluate
from s3d_tf.training.stopping import StoppedError
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


def test_an_evaluation_can_be_stopped_before_each_batch_and_once_its_networks_are_traced(model, motion_records):
    split, calls = open_split(motion_records, "val"), []
    run(model, split, before_batch=lambda: calls.append(None))
    assert len(calls) == 4 + 1  # ten videos by three

    def stop():
        calls.append(None)
        if len(calls) == 2:  # before the first batch, then traced
            raise StoppedError

    calls.clear()
    with pytest.raises(StoppedError):
        run(model, split, before_batch=stop)
    assert len(calls) == 2


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


def test_the_logits_of_views_are_averaged(model, motion_records):
    split = open_split(motion_records, "val")
    result, predictions = run(model, split, views=pipeline.Views(3, 1, 8), batch_size=2)
    assert result["protocol"]["frames"] == "3 clips of 8 by 1 crops, logits averaged"
    (batch,) = pipeline.evaluation_batches(split, at_least=8, crop=32, batch_size=10).take(1)
    video = batch["clip"][0].numpy()  # [12, 32, 32, 3]
    clips = np.stack([video[start : start + 8] for start in (0, 2, 4)]).astype(np.float32) / 127.5 - 1
    place = predictions.media_ids.index(batch["media_id"][0].numpy().decode())
    np.testing.assert_allclose(model(clips).numpy().mean(0), predictions.logits[place], atol=1e-4)


def test_damaged_records_are_left_out_and_named_up_to_the_limit(model, motion_records, tmp_path):
    copy = shutil.copytree(motion_records, tmp_path / "records")
    split = open_split(copy, "val")
    with open(split.files[split.file[3]], "r+b") as file:
        file.seek(split.offset[3] + 500)
        file.write(b"damaged!")
    result, predictions = run(model, split)
    assert result["damaged"] == [split.media_ids[3]]
    assert result["num_videos"] == len(predictions.logits) == 9
    with pytest.raises(ValueError, match=rf"1 of 10 records are damaged.*Received: {split.media_ids[3]}"):
        run(model, split, max_damaged=0)


def test_a_shard_out_of_reach_is_no_damage(motion_records, tmp_path):
    copy = shutil.copytree(motion_records, tmp_path / "records")
    split = open_split(copy, "val")
    shutil.move(split.files[0], tmp_path / "elsewhere")
    seen = [name for name, file in zip(split.media_ids, split.file, strict=True) if file != 0]
    with pytest.raises(OSError, match=r"cannot be read: No such file.*Received: .*val-00000"):
        evaluate.left_out(split, seen, 10)
    with pytest.raises(OSError, match="cannot be read"):
        evaluate.left_out(split, [], 10)


def test_the_protocol_says_the_rate_and_the_split_how_far_to_loop(motion_records, tmp_path):
    copy = shutil.copytree(motion_records, tmp_path / "records")
    before = open_split(copy, "val")
    text = (copy / "manifest.json").read_text()
    assert '"fps": 0.0' in text
    (copy / "manifest.json").write_text(text.replace('"fps": 0.0', '"fps": 12.5').replace('es": 250', 'es": 64'))
    after = open_split(copy, "val")
    assert (before.eval_frames, after.eval_frames) == (250, 64)
    rates = [evaluate.protocol(split, 64, 32, None, False)["rate"] for split in (before, after)]
    assert rates == ["frame rates as they were", "12.5 fps"]
