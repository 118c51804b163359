"""What the input benchmark counts; how fast anything is, no test says."""

import itertools

import cv2
import numpy as np
import pytest

from s3d_tf.analysis import input_speed
from s3d_tf.data import pipeline
from s3d_tf.data.split import open_split


@pytest.fixture(scope="module")
def split(motion_records):
    return open_split(motion_records, "val")


def test_frames_of_clips_are_counted_and_padding_is_not(split):
    training = pipeline.training_batches(split, num_frames=8, crop=32, flip=False, batch_size=4, seed=0)
    run, frames = input_speed.pipeline_run(training, 5)
    assert run() > 0
    assert frames() == 5 * 4 * 8
    padded = pipeline.evaluation_batches(split, at_least=12, crop=32, batch_size=4)  # 10 videos of 12 frames: 4, 4, 2
    assert [input_speed.count_frames(batch) for batch in padded] == [48, 48, 24]


def test_the_ceiling_decodes_the_stored_frames(split):
    jpegs = input_speed.stored_jpegs(split, 125)  # more than the 120 that there are
    assert len(jpegs) == 125
    assert cv2.imdecode(jpegs[3], cv2.IMREAD_COLOR).shape == (40, 40, 3)
    np.testing.assert_array_equal(jpegs[120], jpegs[0])
    assert input_speed.decode_run(jpegs, 2)() > 0


def test_a_clip_read_from_a_video_has_its_shape(motion_videos):
    path = next(motion_videos.rglob("*.avi"))
    assert input_speed.read_clip(path, 0, 8, (40, 40), 32) == (8, 32, 32, 3)


def test_memory_is_taken_at_every_step_asked_for():
    found = input_speed.memory(itertools.repeat(None), 25, 10)
    assert [step for step, _ in found] == [10, 20, 25]
    held = np.ones(1 << 26)  # half a GiB
    assert input_speed.resident() - found[-1][1] == pytest.approx(0.5, abs=0.1)
    assert input_speed.peak() >= input_speed.resident() - 0.01
    del held


def test_the_binary_needs_what_it_measures(run_script, motion_records, tmp_path):
    done = run_script("benchmark_input.py", f"--data_dir={motion_records}", "--crop=32", f"--videos={tmp_path}")
    assert done.returncode == 1
    assert f"no videos in this folder. Received: {tmp_path}" in done.stderr
