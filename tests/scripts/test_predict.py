"""scripts/predict.py on what OpenCV does not decode."""

import json

import keras

from s3d_tf.networks import build_model
from s3d_tf.weights import Preprocessing, save
from tests.data.encoded_videos import moving, write_av1


def test_an_av1_video_is_classified_with_all_its_frames(run_script, tmp_path):
    keras.utils.set_random_seed(0)
    labels = ("one", "two", "three")
    save(
        build_model("i2d", 3, width=0.1),
        tmp_path / "own",
        preprocessing=Preprocessing(resize=(40, 40), crop=32, labels=labels),
    )
    path = write_av1(tmp_path / "holiday.mp4", moving(20))
    picture = f"--picture={tmp_path}/holiday.png"
    done = run_script("predict.py", f"--model={tmp_path}/own", f"--video={path}", picture, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["video"], answer["frames"]) == (str(path), 20)
    assert {label for label, _ in answer["top"]} == set(labels)
