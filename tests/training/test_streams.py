"""RGB and flow networks on one split: what their logits are, how they are added, and which do not go together."""

import csv
import importlib.util
import json
import sys
import types
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from s3d_tf.data import listing, pipeline, prepare
from s3d_tf.data.split import open_split
from s3d_tf.training import checkpoints, config, streams
from s3d_tf.training.evaluate import check_finite, evaluate
from s3d_tf.weights import Preprocessing, own
from tests.conftest import ROOT

CLASSES = ("drift_down", "drift_left", "drift_right", "drift_up")


@pytest.fixture(scope="module")
def records(motion_videos, tmp_path_factory):
    """Four validation videos, one a class, with RGB and TV-L1 flow."""
    items = {item.label: item for item in listing.list_folder(motion_videos) if item.split == "val"}
    assert tuple(sorted(items)) == CLASSES
    folder = tmp_path_factory.mktemp("streams")
    settings = prepare.Settings(size=(40, 40), streams=("rgb", "flow"))
    prepare.prepare(listing.Listing(list(items.values()), list(CLASSES)), folder, settings)
    return folder


@pytest.fixture(scope="module")
def models():
    return {"rgb": make("rgb", 3), "flow": make("flow", 2)}


def make(modality, channels):
    """As small as a network can be that looks at all frames: what is tested is what lies around it."""
    keras.utils.set_random_seed(channels)
    layers = keras.layers
    model = keras.Sequential([keras.Input((None, None, None, channels))], name=f"tiny_{modality}")
    for layer in (layers.Conv3D(8, 3, activation="relu"), layers.GlobalAveragePooling3D(), layers.Dense(4)):
        model.add(layer)
    own.attach(model, Preprocessing(modality=modality, resize=(40, 40), crop=32, labels=CLASSES))
    return model


def run(models, records, **options):
    options = dict(at_least=12, batch_size=4, strategy=tf.distribute.get_strategy()) | options
    return evaluate(models, open_split(records, "val"), **options)


def test_two_streams_are_the_sum_of_the_separate_evaluations(models, records):
    (rgb_result, rgb), (flow_result, flow) = (run(models[stream], records) for stream in ("rgb", "flow"))
    assert (rgb_result["protocol"]["streams"], flow_result["protocol"]["streams"]) == ("RGB", "flow")
    assert "streams" not in rgb_result
    result, both = run(models, records, stream_weights={"rgb": 1, "flow": 0.5})
    assert both.media_ids == rgb.media_ids == flow.media_ids
    assert min(p.logits.std(axis=0).min() for p in (rgb, flow)) > 1e-3  # the videos make a difference
    np.testing.assert_allclose(both.logits, rgb.logits + 0.5 * flow.logits, rtol=1e-4)
    for stream, alone, single in (("rgb", rgb, rgb_result), ("flow", flow, flow_result)):
        np.testing.assert_allclose(both.streams[stream], alone.logits, rtol=1e-4)
        assert result["streams"][stream] == dict(top1=single["top1"], top5=single["top5"])
    assert result["top1"] == np.trace(both.confusion) / 4 == result["mean_class_accuracy"]
    assert result["protocol"]["streams"] == "RGB and flow, logits added with weights 1 and 0.5"
    assert result["protocol"]["pixels"] == "RGB in [-1, 1]; flow in [-1, 1]"
    options = dict(at_least=12, crop=32, batch_size=4, streams=("flow",))
    (batch,) = pipeline.evaluation_batches(open_split(records, "val"), **options)
    by_hand = models["flow"](batch["flow"].numpy().astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(flow.logits, by_hand, rtol=1e-4)


def test_streams_that_are_lacking_and_flow_backwards_are_refused(models, records, motion_records):
    with pytest.raises(ValueError, match=r"hold rgb; prepare them with --streams\. Received: flow"):
        run(models, motion_records)
    with pytest.raises(ValueError, match="backwards takes RGB only"):
        run(models, records, backwards=True)


def test_logits_are_added_by_weight():
    logits = {"rgb": np.array([[1, 2]], np.float32), "flow": np.array([[4, -2]], np.float32)}
    factors = streams.check_weights(None, logits)
    assert factors == {"rgb": 1, "flow": 1}
    assert streams.combined(logits, factors).tolist() == [[5, 0]]
    assert streams.combined(logits, {"rgb": 2, "flow": 0.5}).tolist() == [[4, 3]]
    assert streams.combined(logits, {"rgb": 1, "flow": 0.1}).dtype == np.float32


@pytest.mark.parametrize("weights", [dict(rgb=1), dict(rgb=0, flow=0), dict(rgb=-1, flow=1), dict(rgb="nan", flow=1)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match=r"numbers from 0 up.*one for each of rgb, flow\. Received: {'rgb'"):
        streams.check_weights(weights, ("rgb", "flow"))


def described(modality, logits=4, **fields):
    preprocessing = Preprocessing(modality=modality, **{"crop": 32, "labels": CLASSES[:logits], **fields})
    return types.SimpleNamespace(preprocessing=preprocessing, output_shape=(None, logits))


@pytest.mark.parametrize(
    ("rgb", "flow", "message"),
    [
        (described("rgb"), described("rgb"), "model of the flow stream.*Received: a model of RGB"),
        (described("rgb"), described("flow", crop=64), "the same crop. Received: {'rgb': 32, 'flow': 64}"),
        (described("rgb"), described("flow", logits=3), "as many logits as .* classes. Received: 3 logits, 4 classes"),
        (described("rgb"), described("flow", logits=5, labels=None), "same classes.*Received: {'rgb': 4, 'flow': 5}"),
        (described("rgb"), described("flow", labels=CLASSES[::-1]), "class 0 is 'drift_down' and 'drift_up'"),
    ],
)
def test_models_that_do_not_go_together_are_refused(rgb, flow, message):
    split = types.SimpleNamespace(classes=CLASSES)
    streams.check_models({"rgb": rgb, "flow": described("flow", labels=None)}, split)
    with pytest.raises(ValueError, match=message):
        streams.check_models({"rgb": rgb, "flow": flow}, split)


def test_logits_that_are_no_numbers_are_no_ranking():
    rows = np.array([[1, 2], [np.nan, 1], [3, np.inf]], np.float32)
    check_finite({"rgb": rows[:1]}, ["a"])
    with pytest.raises(FloatingPointError, match=r"flow model.*Received: 2 of 3 videos, such as b"):
        check_finite({"flow": rows}, ["a", "b", "c"])


def call(*arguments):
    """scripts/evaluate.py in this process, with tiny networks for weights: a start of TensorFlow would cost more."""
    spec = importlib.util.spec_from_file_location("evaluate_script", ROOT / "scripts/evaluate.py")
    module, before = importlib.util.module_from_spec(spec), set(flags.FLAGS)
    spec.loader.exec_module(module)
    try:
        flags.FLAGS(["evaluate.py", *arguments])
        with mock.patch.object(checkpoints, "load_pretrained", lambda name: make(name, {"rgb": 3, "flow": 2}[name])):
            module.main(None)
    finally:
        for name in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, name)


def test_the_binary_writes_numbers_tables_and_pictures(records, tmp_path, capsys, monkeypatch):
    both = ["--weights=rgb", "--flow_weights=flow", f"--output_dir={tmp_path}/out"]
    both += [f"--data_dir={records}", "--eval_frames=12", "--batch_size=4"]
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    call(*both, "--stream_weights=1,2")
    lines = capsys.readouterr().out.splitlines()
    found = json.loads((tmp_path / "out/evaluation_val_two_stream.json").read_text())
    assert found["protocol"]["streams"] == "RGB and flow, logits added with weights 1 and 2"
    assert found["network"] == {"rgb": "tiny_rgb", "flow": "tiny_flow"}
    assert found["weights"] == {"rgb": "rgb", "flow": "flow"}
    assert [row["videos"] for row in found["per_class"]] == [1] * 4
    names, *rows = csv.reader((tmp_path / "out/confusion_val_two_stream.csv").open())
    assert tuple(names[1:]) == CLASSES == tuple(row[0] for row in rows)
    counts = np.array([row[1:] for row in rows], int)
    assert np.trace(counts) / 4 == found["top1"]
    header, *videos = csv.reader((tmp_path / "out/predictions_val_two_stream.csv").open())
    assert header[2:4] == ["class_1", "score_1"]
    assert sum(video[1] == video[2] for video in videos) / len(videos) == found["top1"]
    assert f"tiny_rgb, rgb and tiny_flow, flow, val: top-1 {found['top1']:.2%}" in lines[0]
    assert [line.partition(":")[0].strip() for line in lines[1:3]] == ["RGB alone", "flow alone"]
    assert lines[3].startswith("matplotlib is missing, so there is no confusion_val_two_stream.png")
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_binary_takes_a_run_for_weights(records, tmp_path, monkeypatch):
    """As another binary's --weights: its newest checkpoint, and its recipe's number of frames."""
    begun = types.SimpleNamespace(recipe=types.SimpleNamespace(eval_frames=13))
    monkeypatch.setattr(checkpoints, "load_model", lambda folder, best=False: (make("rgb", 3), begun, 7))
    (tmp_path / config.CONFIG).touch()
    call(f"--weights={tmp_path}", f"--output_dir={tmp_path}/out", f"--data_dir={records}", "--batch_size=4")
    found = json.loads((tmp_path / "out/evaluation_val.json").read_text())
    assert found["weights"] == f"{tmp_path}, step 7"
    assert "13" in found["protocol"]["frames"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights=rgb", "--flow_weights=rgb"], "Received: networks of rgb and rgb"),
        (["--weights=flow", "--both_directions"], "evaluate it forwards. Received: a flow network"),
        (["--weights=rgb", "--stream_weights=1,1"], "go with a flow_work_dir or flow_weights. Received: '1,1'"),
        (["--weights=rgb", "--flow_weights=flow", "--stream_weights=1"], "must look like 1,1.5.*Received: '1'"),
        (["--weights=rgb", "--flow_weights=flow", "--flow_work_dir=x"], "Name a flow_work_dir or flow_weights"),
        (["--flow_weights=flow"], "Name a work_dir, or weights and an output_dir"),
    ],
)
def test_the_binary_refuses_what_does_not_go_together(records, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments, f"--data_dir={records}", f"--output_dir={tmp_path}/out")
    assert not (tmp_path / "out").exists()
