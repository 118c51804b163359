import pathlib
import sys

import numpy as np

from s3d_tf.weights import load

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "weights"))

from sources import inception_v1, slim, weights, write_tensorflow


def test_every_tensors_way_is_printed(run_script, tmp_path):
    path = write_tensorflow(str(tmp_path / "model.ckpt"), {**weights(slim(3)), "global_step": np.array(1, "int64")})
    (tmp_path / "labels.txt").write_text("run\njump\nswim\n")
    flags = (f"--checkpoint={path}", f"--output={tmp_path}/out", "--verbose", f"--labels={tmp_path}/labels.txt")
    done = run_script("convert_weights.py", *flags)
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if " -> " in line]) == 306  # and the last line
    assert "1 variables like" in done.stdout and "305 tensors of TF-slim" in done.stdout
    assert load(tmp_path / "out").preprocessing.labels == ("run", "jump", "swim")


def test_inflation_and_allow(run_script, tmp_path):
    path = write_tensorflow(str(tmp_path / "model.ckpt"), weights(inception_v1(1001, 0.25)))
    flags = (f"--checkpoint={path}", f"--output={tmp_path}/out", "--network=s3d_g", "--num_classes=4")
    done = run_script("convert_weights.py", *flags)
    assert done.returncode == 1 and "2 mis-shaped: Conv2d_0c_1x1" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    done = run_script("convert_weights.py", *flags, "--allow=Conv2d_0c_1x1/*")
    assert done.returncode == 0 and "not loaded, as allowed: Conv2d_0c_1x1/kernel" in done.stdout
    assert load(tmp_path / "out").name == "s3d_g"
