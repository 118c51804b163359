"""The client's binary: what it prints, when, and its exit status."""

import json
import time

from tests import forked

from .conftest import free_port

VIDEO = "val/drift_up/00002.avi"  # 12 frames of 40x40


def test_the_binary(server, motion_videos, run_script, tmp_path):
    good = motion_videos / "val/drift_up"
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    flags = [f"--server={server.grpc}", "--model=animals"]
    done = run_script("query_server.py", *flags, f"--video={good},{tmp_path}", "--json", f"--picture={tmp_path}/p")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["video"] for line in lines] == [str(path) for path in sorted(good.iterdir())]
    assert all(line["frames"] == 12 and len(line["top"]) == 3 for line in lines)
    assert f"error: Cannot read {tmp_path}/bad.mp4: a text file" in done.stderr
    assert f"1 of {len(lines) + 1} videos have no answer" in done.stderr
    pictures = sorted(path.name for path in (tmp_path / "p").rglob("*.png"))
    assert pictures == [f"{path.name}.png" for path in sorted(good.iterdir())]
    done = run_script("query_server.py", *flags, f"--video={motion_videos / VIDEO}", "--per_window", "--window=6")
    assert done.returncode == 0, done.stderr
    assert "frames 0 to 5" in done.stdout and "frames 6 to 11" in done.stdout
    done = run_script("query_server.py", f"--server=localhost:{free_port()}", f"--video={good}", "--deadline=2")
    assert done.returncode == 1
    assert done.stderr.startswith("error: No server answers at localhost")
    assert "Traceback" not in done.stderr


def test_a_window_is_shown_before_the_next_one_is_answered(lie, motion_videos, processes, tmp_path):
    address, servicer = lie(outputs={"logits": [[1.0, 2.0]]})
    shown = []

    def wait():  # for what was printed of the windows before
        wanted, end = max(servicer.calls - 2, 0), time.monotonic() + 60
        while (found := (tmp_path / "stdout").read_text().count('"start"')) < wanted and time.monotonic() < end:
            time.sleep(0.02)
        shown.append(found)

    servicer.before_answer = wait
    flags = (f"--server={address}", f"--video={motion_videos / VIDEO}", "--per_window", "--json", "--window=4")
    done = forked.finish(forked.start(processes, "query_server.py", flags, tmp_path), tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown == [0, 0, 1, 2]  # info, and three windows
    assert [json.loads(line)["start"] for line in done.stdout.splitlines()] == [0, 4, 8]


def test_flags_that_cannot_be_met_are_refused_once_before_any_video(lie, motion_videos, run_script, tmp_path):
    address, servicer = lie()
    flags = (f"--server={address}", f"--video={motion_videos}")
    for more, message in (
        ("--window=101", "The model takes up to 100 frames at once. Received: window=101"),
        (f"--picture={tmp_path}/p.png", f"The pictures of 34 videos need a folder. Received: {tmp_path}/p.png"),
    ):
        done = run_script("query_server.py", *flags, more)
        assert (done.returncode, done.stdout) == (1, "")
        assert [line for line in done.stderr.splitlines() if "skipped" not in line] == [f"error: {message}"]
    assert servicer.calls == 1  # about the model


def test_a_server_that_goes_away_is_not_waited_for_by_every_video(lie, motion_videos, run_script):
    address, servicer = lie(code=None)
    servicer.gone = True  # it tells about itself, and then it is gone
    flags = (f"--server={address}", f"--video={motion_videos}", "--parallel=1", "--retries=0")
    done = run_script("query_server.py", *flags)
    assert done.returncode == 1
    assert done.stderr.count("No server answers") == 2  # one may be a single request that a proxy could not pass on
    assert "34 of 34 videos have no answer" in done.stderr
    assert "1 files are skipped, no videos by their endings: set.json" in done.stderr
