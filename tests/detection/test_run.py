"""A training run of a detector, what it leaves, and the binary that uses it."""

import dataclasses
import json

import numpy as np
import pytest

from s3d_tf.analysis import detector_speed
from s3d_tf.data.split import open_split
from s3d_tf.detection import annotations, measures, objective, run, start, truth
from s3d_tf.detection.linking import Linking
from s3d_tf.training import devices
from s3d_tf.training.checkpoints import load_model
from s3d_tf.training.run import Pace
from tests.detection.tiny import PACE, RECIPE, build, example


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("detector") / "run"
    return work_dir, run.train(RECIPE, data_dir, work_dir, devices.make_strategy(1), PACE)


def test_a_run_leaves_a_detector(trained):
    work_dir, result = trained
    lines = [json.loads(line) for line in (work_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    weighted = [lines[0][name] for name in objective.Detection.measures[:4]]
    np.testing.assert_allclose(lines[0]["loss"], np.dot([1, 2, 1, 2], weighted), rtol=1e-4)
    assert result["step"] == 2 and result["classes_train"] == lines[1]["classes"]
    detector, known, step = start.load_detector(work_dir)
    assert (step, known.recipe) == (2, RECIPE)
    fresh = start.start(RECIPE, known.preprocessing.labels, "").build()
    moved = [not np.array_equal(a, b) for a, b in zip(detector.variables, fresh.variables, strict=True)]
    assert np.mean(moved) > 0.9  # the checkpoint's, not fresh ones
    assert detector(example())["boxes"].shape == (2, 6, 4)
    with pytest.raises(ValueError, match=r"4 of them: class 1 is 'drift_right'\. Received: 2 classes, class 1 is 'x'"):
        start.check_classes(detector, ("drift_left", "x"))


def test_a_video_s_boxes_are_written_and_drawn(trained, run_script, motion_videos, tmp_path):
    video = next((motion_videos / "val").rglob("*.avi"))
    flags = [f"--work_dir={trained[0]}", f"--output_dir={tmp_path}", "--least_score=0.1"]
    done = run_script("detect.py", f"--video={video}", *flags)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{video.name}.{kind}" for kind in ("json", "mp4", "png")
    ]
    found = json.loads((tmp_path / f"{video.name}.json").read_text())
    entry = found["videos"][video.name]
    assert len(found["classes"]) == 4 and set(entry["frame"]) <= set(range(12)) and len(entry["frame"]) > 12
    assert len(entry["class"]) == len(entry["score"]) == len(entry["boxes"]) == len(entry["frame"])
    assert f"boxes that score 0.1 or more (the best {max(entry['score']):.2f}) in 12 frames" in done.stdout
    done = run_script("detect.py", "--video=none.mp4", *flags)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "error: There is no such video. Received: none.mp4"


@pytest.mark.slow
def test_the_measures_are_those_of_the_detections_that_are_written(trained, data_dir, run_script, tmp_path):
    flags = [f"--work_dir={trained[0]}", f"--data_dir={data_dir}", f"--output_dir={tmp_path}", "--keep_from=0.05"]
    done = run_script("evaluate_detector.py", *flags, "--batch_size=4", "--min_frames=1")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "detection_val.json").read_text())
    split = open_split(data_dir, "val")
    assert (result["frames"], result["videos"], result["least_score"]) == (int(sum(split.num_frames)), 2, 0.05)
    true = truth.of_split(split)
    found = annotations.read_detections(tmp_path / "detections_val.json", true)
    assert len(found.score) == result["detections"] > 0 and found.score.min() >= 0.05
    again = measures.measure(true, found, Linking(min_frames=1)).result
    assert {key: result[key] for key in ("frame_map", "true_boxes", "tubes")} == {
        key: again[key] for key in ("frame_map", "true_boxes", "tubes")
    }
    assert f"frame-mAP {result['frame_map']:.1%} at 0.5" in done.stdout


def test_a_run_of_another_configuration_is_refused(trained, data_dir):
    other = dataclasses.replace(RECIPE, proposals=7)
    with pytest.raises(ValueError, match="another configuration: proposals 5, now 7"):
        run.train(other, data_dir, trained[0], devices.make_strategy(1), PACE)
    with pytest.raises(ValueError, match=r"scripts/evaluate_detector.py. Received: evaluate_every=5"):
        run.train(RECIPE, data_dir, trained[0], devices.make_strategy(1), Pace(evaluate_every=5))


def test_a_detector_of_flow_alone_is_shown_the_key_frame_too(data_dir):
    split = open_split(data_dir, "train")
    spec = run.recorded(split, dataclasses.replace(RECIPE, streams=("flow",)), batch_size=2).element_spec
    shapes = {key: spec[key].shape.as_list() for key in ("clip", "flow")}
    assert shapes == dict(clip=[2, 8, 32, 48, 3], flow=[2, 8, 32, 48, 2])


def test_runs_of_another_kind_are_told_apart(trained, run_script, tmp_path):
    with pytest.raises(ValueError, match=r"no run of a classifier of this version: its add_true_boxes. Received: "):
        load_model(trained[0])
    done = run_script("export.py", f"--work_dir={trained[0]}", f"--output_dir={tmp_path / 'm'}")
    assert done.returncode == 1 and "no run of a classifier" in done.stderr.splitlines()[-1]
    config = json.loads((trained[0] / "config.json").read_text())
    config["recipe"] = dict(name="x", crop=32)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="no run of a detector of this version: its crop"):
        start.load_detector(tmp_path)


@pytest.mark.slow
def test_the_speed_of_steps():
    found = detector_speed.measure(RECIPE, 3, detector_speed.TRAIN, 1)
    assert found["first"] > found["seconds"] > 0 and found["parameters"] == build().count_params()
