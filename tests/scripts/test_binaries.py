"""The binaries as a user runs them: what they print when something is wrong, and that a road leads through them."""

import json

import numpy as np
import pytest

from s3d_tf.training import checkpoints
from s3d_tf.weights import load


def error_of(process, status=1):
    assert process.returncode == status, process.stderr
    assert "Traceback" not in process.stderr
    (line,) = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    return line


def test_bad_input_is_one_sentence_and_status_1(run_script, motion_records, motion_videos, tmp_path):
    data, work = f"--data_dir={motion_records}", f"--work_dir={tmp_path}"
    (tmp_path / "one/only").mkdir(parents=True)
    (tmp_path / "one/only/a.mp4").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    video = f"--video={motion_videos}/val/drift_up/00002.avi"
    cases = [
        ("prepare_videos.py", [f"--videos={tmp_path}/none", f"--output_dir={tmp_path}/o"], "none"),
        ("prepare_videos.py", [f"--videos={tmp_path}/empty", f"--output_dir={tmp_path}/o"], "No class folders"),
        ("prepare_videos.py", [f"--videos={tmp_path}/one", f"--output_dir={tmp_path}/o"], "one class: only"),
        (
            "train.py",
            ["--recipe=nothing", data, work],
            "something_something, ucf101, hmdb51, embedded",
        ),
        ("train.py", ["--recipe=embedded", "--network=resnet", data, work], "Received: 'resnet'"),
        ("evaluate.py", [data, work], "No training run"),
        ("export.py", [work, f"--output_dir={tmp_path}/m"], "No training run"),
        ("predict.py", [f"--model={tmp_path}", video], "No exported model"),
    ]
    for script, arguments, message in cases:
        assert message in error_of(run_script(script, *arguments)), script
    assert not (tmp_path / "config.json").exists()  # a refused run leaves the folder free for the next
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "arguments", [["--recipe=embedded"], ["--recipe=embedded", "--stepz=3"], ["stray"], ["--steps=many"]]
)
def test_bad_flags_are_one_sentence_and_status_2(run_script, arguments):
    error_of(run_script("train.py", *arguments), status=2)


def test_the_whole_road(run_script, tmp_path):
    done = run_script(
        *("quickstart.py", f"--output_dir={tmp_path}/q", "--network=i2d", "--steps=4", "--num_train=16", "--num_val=8"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "q/result.json").read_text())
    assert {"top1", "top1_reversed", "chance", "network", "seconds", "saved_model", "picture"} <= set(result)
    assert (result["chance"], result["network"]) == (0.25, "i2d")
    assert result["saved_model"] == f"{tmp_path}/q/model/1"
    picture = (tmp_path / "q/prediction.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    run = next(path.parent for path in (tmp_path / "q").rglob("config.json"))
    video = f"--video={tmp_path}/q/videos/val/drift_up/00002.avi"
    done = run_script("convert_weights.py", f"--checkpoint={run}", f"--output={tmp_path}/own")
    assert done.returncode == 0 and "of s3d_tf -> " in done.stdout, done.stderr
    for one, other in zip(checkpoints.load_weights(str(run)).weights, load(tmp_path / "own").weights, strict=True):
        np.testing.assert_array_equal(one, other, one.path)
    tops = []
    for model in (tmp_path / "q/model", run):
        printed = run_script("predict.py", f"--model={model}", video, "--json", f"--picture={tmp_path}/pictures")
        assert printed.returncode == 0, printed.stderr
        tops.append(json.loads(printed.stdout)["top"])
    assert (tmp_path / "pictures/00002.avi.png").exists()
    top, other = tops
    assert [label for label, _ in other] == [label for label, _ in top]
    assert [score for _, score in other] == pytest.approx([score for _, score in top], abs=1e-4)
    assert {label for label, _ in top} == {"drift_left", "drift_right", "drift_up", "drift_down"}
    assert abs(sum(score for _, score in top) - 1) < 1e-5
