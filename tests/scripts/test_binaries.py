"""The binaries as a user runs them: what they print when something is wrong, and that a road leads through them."""

import json

import pytest


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
    printed = run_script(
        "predict.py",
        f"--model={tmp_path}/q/model",
        f"--video={tmp_path}/q/videos/val/drift_up/00002.avi",
        "--json",
        "--picture=",
    )
    top = json.loads(printed.stdout)["top"]
    assert {label for label, _ in top} == {"drift_left", "drift_right", "drift_up", "drift_down"}
    assert abs(sum(score for _, score in top) - 1) < 1e-5
