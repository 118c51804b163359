"""The exported graph gives the numbers of the network in memory, however it is loaded."""

import os
import shutil
import socket
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from s3d_tf.serving import export as export_module
from s3d_tf.serving import video_input
from s3d_tf.serving.classifier import Classifier
from s3d_tf.serving.decoding import Limits
from s3d_tf.serving.export import export, versions
from s3d_tf.serving.predict import find_version, load_predictor
from s3d_tf.weights import Preprocessing, load, save
from tests.forked import ROOT

from .conftest import LABELS, enables_onednn, frames, in_memory, server_commands


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(str(folder)).signatures["frames"]


def test_reloaded_logits_scores_and_names(model, loaded):
    expected = in_memory(model, frames())
    assert expected.std() > 0.1
    outputs = loaded(frames=tf.constant(frames()))
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)
    scores = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    order = np.argsort(-scores, axis=1)
    np.testing.assert_allclose(outputs["scores"], np.take_along_axis(scores, order, 1), atol=1e-5)
    assert outputs["classes"].numpy().astype(str).tolist() == np.array(LABELS)[order].tolist()


def test_the_way_tf_serving_loads_it(model, folder):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        signature = meta.signature_def["frames"]
        assert list(signature.inputs) == ["frames"]
        assert set(signature.outputs) == {"logits", "scores", "classes"}
        logits = session.run(signature.outputs["logits"].name, {signature.inputs["frames"].name: frames()})
    np.testing.assert_allclose(logits, in_memory(model, frames()), atol=1e-4)


def test_frames_of_another_size_are_resized_in_the_graph(model, loaded):
    small = frames()
    large = small.repeat(3, axis=2).repeat(2, axis=3)  # 120x80
    resized = tf.image.resize(large.reshape(-1, 120, 80, 3), (40, 40), antialias=True).numpy().round().astype(np.uint8)
    logits = loaded(frames=tf.constant(large))["logits"]
    np.testing.assert_allclose(logits, in_memory(model, resized.reshape(2, 9, 40, 40, 3)), atol=1e-4)


def test_short_clips_are_looped(model, loaded):
    clip = frames(1, 3)
    looped = clip[:, [0, 1, 2, 0, 1, 2, 0, 1]]
    np.testing.assert_allclose(loaded(frames=tf.constant(clip))["logits"], in_memory(model, looped), atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 0, 40, 40, 3), (1, 8, 0, 40, 3)])
def test_no_frames_is_an_error_with_a_sentence(loaded, shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one"):
        loaded(frames=tf.zeros(shape, tf.uint8))


@pytest.mark.parametrize("frames", [tf.zeros([1, 8, 40, 40, 3]), tf.zeros([8, 40, 40, 3], tf.uint8)])
def test_wrong_dtype_or_rank_is_an_error(loaded, frames):
    with pytest.raises(Exception, match=r"dtype|rank|compatible|uint8"):
        loaded(frames=frames)


@pytest.mark.slow
def test_versions_rise_and_the_newest_is_taken(model, tmp_path, monkeypatch):
    tmp_path = tmp_path / "animals"
    (tmp_path / "tmp-results").mkdir(parents=True)
    (tmp_path / "tmp-results" / "mine.txt").write_text("mine")
    for number in (1, 2):
        (tmp_path / f".s3d_tf-export-{socket.gethostname()}-999999999").mkdir()  # of an export that was killed
        assert export(Classifier({"rgb": model}), tmp_path) == tmp_path / str(number)
    assert versions(tmp_path) == [1, 2]
    beside = ["1", "2", "README.md", "batching.config", "models.config", "monitoring.config", "tmp-results"]
    assert sorted(p.name for p in tmp_path.iterdir()) == beside  # nothing half-written is left
    (tmp_path / "3").mkdir()  # another export was faster
    (tmp_path / "3" / "file").touch()
    taken = iter([[1, 2], [1, 2, 3]])
    monkeypatch.setattr(export_module, "versions", lambda _: next(taken))
    assert export(Classifier({"rgb": model}), tmp_path) == tmp_path / "4"
    assert (tmp_path / "4/saved_model.pb").exists()
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "3")
    shutil.rmtree(tmp_path / "4")
    assert find_version(tmp_path) == tmp_path / "2"
    assert find_version(tmp_path / "1") == tmp_path / "1"


def test_labels_must_fit(model):
    with pytest.raises(ValueError, match="Received: 2 and 3"):
        Classifier({"rgb": model}, LABELS[:2])


def test_folders_that_cannot_be_a_models(model, tmp_path):
    with pytest.raises(ValueError, match="Received: 'two words'"):
        export(Classifier({"rgb": model}), tmp_path / "two words")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match=rf"another README\.md.*Received: {tmp_path}"):
        export(Classifier({"rgb": model}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_labels_and_limits_that_cannot_be_served(model):
    with pytest.raises(ValueError, match=r"printable.*Received: 'a\\nb'"):
        Classifier({"rgb": model}, ("a\nb", "c", "d"))
    with pytest.raises(ValueError, match=r"must admit 8 frames of 40x40 pixels"):
        Classifier({"rgb": model}, limits=Limits(max_pixels=1000))


def test_the_configuration_beside_it_is_text_that_its_readers_take(folder):
    parsed = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((folder.parent / "models.config").read_text(), parsed)
    (one,) = parsed.model_config_list.config
    assert (one.name, one.base_path, one.model_platform) == ("animals", "/models/animals", "tensorflow")
    batching = (folder.parent / "batching.config").read_text()
    assert "max_batch_size { value: 2 }" in batching and "allowed_batch_sizes: [1, 2]" in batching
    assert 'path: "/monitoring/prometheus/metrics"' in (folder.parent / "monitoring.config").read_text()
    assert '-v "$(pwd)":/models/animals:ro' in (folder.parent / "README.md").read_text()


def test_every_command_that_starts_a_server_enables_onednn(folder):
    readme = (folder.parent / "README.md").read_text()
    programs = ["docker" if command.startswith("docker") else "apt" for command in server_commands(readme)]
    assert programs == ["docker", "apt", "apt", "docker"]
    assert all(enables_onednn(command) for command in server_commands(readme))
    assert "Environment=TF_ENABLE_ONEDNN_OPTS=1" in readme
    assert 'env:\n- name: TF_ENABLE_ONEDNN_OPTS\n  value: "1"\n' in readme


def test_so_does_every_documented_command():
    found = {
        str(path.relative_to(ROOT)): server_commands(path.read_text())
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/*.md")]
    }
    assert {"README.md", "CONTRIBUTING.md", "docs/serving.md"} <= {name for name, commands in found.items() if commands}
    assert [command for commands in found.values() for command in commands if not enables_onednn(command)] == []


@pytest.mark.parametrize(
    ("command", "enabled"),
    [
        ("docker run --rm -e TF_ENABLE_ONEDNN_OPTS=1 -e MODEL_NAME=a tensorflow/serving", True),
        ("docker run --rm tensorflow/serving -e TF_ENABLE_ONEDNN_OPTS=1", False),
        ("docker run --rm -e TF_ENABLE_ONEDNN_OPTS=0 tensorflow/serving", False),
        ("TF_ENABLE_ONEDNN_OPTS=1 tensorflow_model_server --port=8500", True),
        ("tensorflow_model_server --port=8500", False),
    ],
)
def test_what_counts_as_enabled(command, enabled):
    assert enables_onednn(command) is enabled


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_the_key_is_made_outside_the_folder_that_is_served_and_for_its_owner_alone(folder, tmp_path):
    text = (folder.parent / "README.md").read_text().partition("## TLS")[2]
    commands = text.partition("```bash\n")[2].partition("docker run")[0]
    before = sorted(folder.parent.rglob("*"))
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(["bash", "-ec", commands], cwd=folder.parent, env=environment, check=True, capture_output=True)
    assert sorted(folder.parent.rglob("*")) == before
    made = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "animals-tls").iterdir()}
    assert made["key.pem"] == made["ssl.config"] == 0o600
    assert (tmp_path / "animals-tls").stat().st_mode & 0o777 == 0o700
    key, cert = ((tmp_path / f"animals-tls/{name}.pem").read_text().replace("\n", "\\n") for name in ("key", "cert"))
    expected = f'server_key: "{key}"\nserver_cert: "{cert}"\n'
    assert (tmp_path / "animals-tls/ssl.config").read_text() == expected


def test_warm_up_requests_are_answered(folder):
    records = tf.data.TFRecordDataset(str(folder / "assets.extra/tf_serving_warmup_requests")).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    signatures = tf.saved_model.load(str(folder)).signatures
    names = [log.predict_log.request.model_spec.signature_name for log in logs]
    assert names == ["serving_default", "features"]
    for log, name in zip(logs, names, strict=True):
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in log.predict_log.request.inputs.items()}
        assert inputs["jpegs"].shape == (1, 64)
        assert all(len(value) == 1 for value in signatures[name](**inputs).values())


def test_a_folder_that_is_no_model_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=r"Received"):
            load_predictor(folder)


def test_a_video_file_gets_the_logits_of_its_frames(model, folder, motion_videos):
    path = motion_videos / "val/drift_up/00002.avi"
    prediction = load_predictor(folder).predict(path)
    assert prediction.num_frames == 12
    clip = np.stack([prediction.sample[number] for number in range(12)])
    assert clip.shape == (12, 40, 40, 3)
    np.testing.assert_allclose(prediction.logits, in_memory(model, clip[None])[0], atol=1e-4)
    assert [label for label, _ in prediction.ranking] == [LABELS[i] for i in np.argsort(-prediction.logits)]


def test_a_long_video_goes_in_equal_windows(model, folder, motion_videos, monkeypatch):
    monkeypatch.setattr(video_input, "WINDOW", 10)
    prediction = load_predictor(folder).predict(motion_videos / "val/drift_up/00002.avi")
    clip = np.stack([prediction.sample[number] for number in range(12)])
    halves = [in_memory(model, half[None][:, np.arange(8) % 6])[0] for half in (clip[:6], clip[6:])]
    np.testing.assert_allclose(prediction.logits, np.mean(halves, axis=0), atol=1e-4)


@pytest.mark.slow
def test_weights_with_a_scale_of_their_own_take_the_same_way(model, motion_videos, tmp_path):
    """Mean and deviation, and a shorter side: exported, and straight from the weights, equal to numbers by hand."""
    means, deviations = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    own = Preprocessing(mean=means, std=deviations, resize=36, crop=32, min_frames=8, labels=LABELS)
    save(model, tmp_path / "weights", preprocessing=own)
    folder = export(Classifier({"rgb": load(tmp_path / "weights")}), tmp_path / "model")
    path = motion_videos / "val/drift_up/00002.avi"
    predictions = [load_predictor(p).predict(path) for p in (folder, tmp_path / "weights")]
    shown = np.stack([predictions[0].sample[number] for number in range(12)])
    assert shown.shape == (12, 36, 36, 3)
    clip = ((shown[None, :, 2:34, 2:34] / 255 - means) / deviations).astype(np.float32)
    for prediction in predictions:
        np.testing.assert_allclose(prediction.logits, model(clip, training=False)[0], atol=1e-4)
    wide = np.tile(shown, (1, 2, 3, 1))[None]  # 72x108: the shorter side becomes 36, the other 54
    resized = tf.image.resize(wide[0], (36, 54), antialias=True).numpy().round()
    clip = ((resized[None, :, 2:34, 11:43] / 255 - means) / deviations).astype(np.float32)
    logits = tf.saved_model.load(str(folder)).signatures["frames"](frames=tf.constant(wide))["logits"]
    np.testing.assert_allclose(logits, model(clip, training=False), atol=1e-4)
