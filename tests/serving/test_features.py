"""Features on disk are the network's activations, whole, and of one setting only."""

import json
import signal
import time

import keras
import numpy as np
import pytest

from s3d_tf.data import video
from s3d_tf.networks import build_model, endpoints
from s3d_tf.serving.features import Extractor, Settings, extract_all, find_videos
from s3d_tf.weights import Preprocessing, load, save
from s3d_tf.weights.own import attach

VIDEO = "val/drift_up/00002.avi"  # 12 frames, 40x40
PREPROCESSING = Preprocessing(resize=(40, 40), crop=32, min_frames=16)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = build_model("s3d_g", 3, width=0.1, norm_momentum=0.0)
    model(np.random.default_rng(2).uniform(-1, 1, (4, 8, 64, 64, 3)), training=True)
    attach(model, PREPROCESSING)
    return model


@pytest.fixture(scope="module")
def weights(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "own"
    save(model, folder)
    return folder


def by_hand(model, path, chosen, endpoint="Mixed_5c"):
    frames = np.stack([frame.rgb for frame in video.read_video(path, (40, 40)).frames])
    clip = frames[None, chosen, 4:36, 4:36].astype(np.float32) / 127.5 - 1
    return endpoints(model, [endpoint])(clip, training=False)[endpoint].numpy()[0]


@pytest.mark.parametrize("endpoint", ["Mixed_5c", "MaxPool_3a_3x3"])
def test_features_are_the_endpoints_activations_and_pooled_their_mean(model, motion_videos, endpoint):
    path = motion_videos / VIDEO
    expected = by_hand(model, path, np.arange(16) % 12, endpoint)  # looped to the 16 frames of the preprocessing
    assert expected.std() > 0.01
    for pool, axes in (("none", ()), ("space", (1, 2)), ("space_time", (0, 1, 2))):
        found = Extractor(model, Settings(endpoint, pool)).extract(path)
        np.testing.assert_allclose(found.features, expected.mean(axes)[None] if axes else expected[None], atol=1e-5)
        assert found.start_frame.tolist() == [0]


def test_logits_have_nothing_to_pool(model, motion_videos):
    found = Extractor(model, Settings("Logits")).extract(motion_videos / VIDEO).features
    np.testing.assert_allclose(found[0], by_hand(model, motion_videos / VIDEO, np.arange(16) % 12, "Logits"), atol=1e-5)


def test_a_window_sees_its_own_frames(model, motion_videos):
    found = Extractor(model, Settings(window=8, stride=2)).extract(motion_videos / VIDEO)
    assert found.start_frame.tolist() == [0, 2, 4]
    for row, start in zip(found.features, found.start_frame, strict=True):
        expected = by_hand(model, motion_videos / VIDEO, np.arange(start, start + 8)).mean((0, 1, 2))
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_files_their_contents_and_resume(model, motion_videos, tmp_path):
    folder, out = motion_videos / "val/drift_up", tmp_path / "out"
    extractor = Extractor(model, Settings(window=8))
    (tmp_path / "list.csv").write_text(f"path,label\n{folder}/00002.avi,up\nnone.avi,up\n")
    assert extract_all(extractor, find_videos(tmp_path / "list.csv"), out) == {
        tmp_path / "none.avi": "No such file or directory"
    }
    (file,) = out.rglob("*.npz")
    assert file.relative_to(out).as_posix() == f"{folder}/00002.avi.npz".lstrip("/")
    with np.load(file) as found:
        assert sorted(found) == ["endpoint", "features", "source", "start_frame"]
        assert (str(found["endpoint"]), str(found["source"])) == ("Mixed_5c", f"{folder}/00002.avi")
        assert found["features"].dtype == np.float32
        assert found["features"].shape == (1, model.get_layer("Mixed_5c").output.shape[-1])
    file.write_bytes(b"mine")
    extract_all(extractor, find_videos(tmp_path / "list.csv"), out)
    assert file.read_bytes() == b"mine"  # what is there is left alone
    with pytest.raises(ValueError, match=r"another pool, window\. Received: .*out"):
        extract_all(Extractor(model, Settings(pool="none")), {}, out)


def test_other_weights_are_refused(model, tmp_path):
    other = build_model("s3d_g", 3, width=0.1, norm_momentum=0.0)
    attach(other, PREPROCESSING)
    extract_all(Extractor(model, Settings()), {}, tmp_path)
    with pytest.raises(ValueError, match="another weights"):
        extract_all(Extractor(other, Settings()), {}, tmp_path)


@pytest.mark.parametrize(
    "bad", [dict(pool="time"), dict(window=7), dict(stride=4), dict(window=8, stride=0)], ids=lambda bad: str(bad)
)
def test_bad_settings(bad):
    with pytest.raises(ValueError, match=r"Received: "):
        Settings(**bad)


def test_bad_sources(model, tmp_path):
    with pytest.raises(ValueError, match="no videos"):
        find_videos(tmp_path)
    (tmp_path / "list.csv").write_text("../a.avi,x\na.avi,x\n")
    with pytest.raises(ValueError, match=r"a\.avi\.npz"):
        find_videos(tmp_path / "list.csv")
    with pytest.raises(ValueError, match=r"Unknown endpoint: .*Mixed_9z"):
        Extractor(model, Settings("Mixed_9z"))


@pytest.mark.slow
def test_the_binary_names_what_it_cannot_read(weights, motion_videos, run_script, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "bad.mp4").write_bytes(b"no video")
    arguments = (f"--weights={weights}", f"--videos={videos}", f"--output_dir={tmp_path}/out")
    done = run_script("extract_features.py", *arguments)
    assert done.returncode == 1
    assert "bad.mp4: a text file, not a video" in done.stderr
    (videos / "good.avi").write_bytes((motion_videos / VIDEO).read_bytes())
    done = run_script("extract_features.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 videos" in done.stdout
    assert json.loads((tmp_path / "out/features.json").read_text())["endpoint"] == "Mixed_5c"


class Much(Extractor):
    def extract(self, path):  # large, so that the kill may fall into the writing
        return super().extract(path)._replace(features=np.ones((64, 512, 512), np.float32))


def extract_much(weights, videos, output_dir):
    extract_all(Much(load(weights), Settings()), find_videos(videos), output_dir)


@pytest.mark.slow
def test_a_killed_process_leaves_whole_files_only(weights, motion_videos, tmp_path, processes):
    process = processes.Process(target=extract_much, args=(weights, motion_videos, tmp_path / "out"))
    process.start()
    while not list(tmp_path.rglob("*.npz.tmp-*")) and process.is_alive():
        time.sleep(0.001)
    process.kill()  # it is writing, or was a moment ago
    process.join()
    assert process.exitcode == -signal.SIGKILL
    for file in tmp_path.rglob("*.npz"):
        with np.load(file) as found:
            assert found["features"].shape == (64, 512, 512)
