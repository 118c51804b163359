"""scripts/explain.py as a user runs it."""

import re

import cv2
import keras
import pytest

from s3d_tf.data import video
from s3d_tf.networks import build_model
from s3d_tf.weights import Preprocessing, save

LABELS = tuple(f"class {number}" for number in range(12))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = build_model("i2d", len(LABELS), width=0.1)
    folder = tmp_path_factory.mktemp("weights") / "own"
    save(model, folder, preprocessing=Preprocessing(resize=(40, 40), crop=32, labels=LABELS))
    return folder


def test_a_sheet_and_an_animation_of_every_frame(run_script, weights, motion_videos, tmp_path):
    path = motion_videos / "val/drift_up/00002.avi"  # 12 frames
    flags = [f"--weights={weights}", f"--video={path}", "--class=class 7", "--endpoint=Mixed_5b"]
    files = [tmp_path / "sheet.png", tmp_path / "clip.gif"]
    done = run_script("explain.py", *flags, f"--picture={files[0]}", f"--animation={files[1]}")
    assert done.returncode == 0, done.stderr
    first, second, *rest = done.stdout.splitlines()
    assert first == f"{path}, frames 0 to 11" and second.endswith("%  class 7, at Mixed_5b")
    assert rest[-2:] == [f"picture: {files[0]}", f"animation: {files[1]}"]
    assert cv2.imread(str(files[0])).std() > 10
    assert len(video.read_video(files[1]).frames) == 12


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--video=setup.py"], "Cannot read setup.py"),
        (["--animation=clip.avi"], r"must end in \.gif or \.mp4\. Received: clip\.avi"),
    ],
)
def test_what_is_refused_is_one_sentence(run_script, weights, motion_videos, tmp_path, flags, told):
    given = [f"--weights={weights}", f"--video={motion_videos}/val/drift_up/00002.avi"]
    written = [f"--picture={tmp_path}/a.png", f"--animation={tmp_path}/a.gif"]
    done = run_script("explain.py", *given, *written, *flags)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(told, line), line
    assert not list(tmp_path.iterdir())
