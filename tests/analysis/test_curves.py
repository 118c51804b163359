import json

import cv2
import numpy as np
import pytest

from s3d_tf.analysis import curves
from s3d_tf.detection.objective import Detection


def write(folder, lines, name=curves.METRICS, end=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines) + end)
    return folder


def test_lines_may_lack_keys_and_the_last_may_be_half(tmp_path):
    lines = [dict(step=10, loss=2.0), dict(step=20, loss=1.5, top1=0.5, seconds=None), dict(step=30, loss=float("nan"))]
    run = write(tmp_path / "run", lines, end='{"step": 40, "lo')
    metrics, remarks = curves.read_lines(run / curves.METRICS)
    assert set(metrics) == {"loss", "top1"}
    np.testing.assert_array_equal(metrics["loss"].steps, [10, 20, 30])
    np.testing.assert_array_equal(metrics["loss"].values, [2, 1.5, np.nan])
    np.testing.assert_array_equal(metrics["top1"], [[20], [0.5]])
    assert remarks == [f"the last line of {run}/metrics.jsonl is not whole and was left out"]


def test_smoothing_by_hand():
    np.testing.assert_allclose(curves.smooth(np.array([0.0, 3, 6, 9]), 3), [1.5, 3, 6, 7.5])
    np.testing.assert_allclose(curves.smooth(np.array([0.0, np.nan, 6, np.inf]), 3), [0, 3, 6, 6])
    np.testing.assert_array_equal(curves.smooth(np.array([1.0, np.nan, 2]), 1), [1, np.nan, 2])
    assert [curves.window_of(*pair) for pair in ((3, None), (50, None), (400, None), (10, 4), (10, 1))] == [
        1,
        5,
        15,
        5,
        1,
    ]


def test_runs_are_named_by_folder_or_by_path_where_two_are_alike(tmp_path):
    folders = [write(tmp_path / name, [dict(step=1, loss=1.0)]) for name in ("a/run", "b/run", "other")]
    runs, _ = curves.read_runs(folders)
    assert [run.name for run in runs] == [str(folders[0]), str(folders[1]), "other"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"No training run: .*metrics\.jsonl is missing"),
        ("", r"no line of metrics yet.*Received: .*metrics\.jsonl"),
        ('{"step": 1}\n', "no line of metrics yet"),
        ('{"step": 1, "los', "no line of metrics yet"),
        ('{"step": 1, "loss": 1}\n{"loss": 2}\n{"step": 3, "loss": 1}\n', r"Line 2 is no JSON object with a step"),
        ('[1]\n{"step": 3, "loss": 1}\n', "Line 1 is no JSON object"),
        ('{"step": 1e3, "loss": 1%s}\n{"step": 3, "loss": 1}\n' % ("0" * 400), "Line 1 is no JSON object"),
    ],
)
def test_no_run_and_no_metrics_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / curves.METRICS).write_text(content)
    with pytest.raises(ValueError, match=message):
        curves.read_runs([tmp_path])


def test_a_picture_of_two_runs(tmp_path):
    """A panel more where a run knows more; the runs' names and the evaluations' dots are in the SVG."""
    pytest.importorskip("matplotlib")
    lines = [dict(step=10 * i, loss=3 / i, top1=0.01 * i, learning_rate=0.1) for i in range(1, 90)]
    old = write(tmp_path / "old", lines[:1])
    new = write(tmp_path / "_new $x$", [line | dict(gradient_norm=1.0) for line in lines])
    write(new, [dict(step=400, top1=0.3, top5=0.7), dict(step=800, top1=0.5, top5=0.9)], curves.EVALUATIONS)
    runs, remarks = curves.read_runs([old, new])
    assert remarks == []
    svg = curves.draw(runs, "svg").decode()
    for text in ("old", "_new $x$", "loss of the training clips", "learning rate", "norm of the gradient"):
        assert f"<!-- {text} -->" in svg, text
    assert "<!-- clips a second -->" not in svg
    assert "detector" not in svg
    without = curves.draw([run._replace(evaluations={}) for run in runs], "svg").decode()
    assert svg.count("<use ") - without.count("<use ") == 4
    image = cv2.imdecode(np.frombuffer(curves.draw(runs[:1], "png"), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1] > 1000
    assert (image < 200).any()


def test_a_picture_of_a_detector(tmp_path):
    """A panel each for what a detector's training measures."""
    pytest.importorskip("matplotlib")
    measures = dict.fromkeys(Detection.measures, 0.5)
    runs, _ = curves.read_runs([write(tmp_path / "run", [dict(step=10 * i, loss=3 / i) | measures for i in (1, 2)])])
    svg = curves.draw(runs, "svg").decode()
    assert svg.count("<!-- detector: ") == len(measures) == 5
