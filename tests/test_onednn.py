"""oneDNN is on unless the environment says otherwise; what counts is what TensorFlow itself reports."""

import os
import subprocess
import sys

import pytest

from tests.forked import ROOT

REPORT = "from tensorflow.python.util._pywrap_util_port import IsMklEnabled; print(IsMklEnabled())"
BEFORE, AFTER = f"import s3d_tf, tensorflow; {REPORT}", f"import tensorflow, s3d_tf; {REPORT}"
HIDE = "import os, tensorflow; os.environ.pop('TF_ENABLE_ONEDNN_OPTS'); import s3d_tf, importlib, s3d_tf.data"
WARNING = "RuntimeWarning: TensorFlow was imported before s3d_tf and runs without oneDNN"


def report(code: str, setting: str | None = None) -> tuple[str, str]:
    """What the code prints in a Python of its own, and the warnings among its stderr."""
    environment = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    environment |= dict(PYTHONPATH=str(ROOT)) | ({} if setting is None else dict(TF_ENABLE_ONEDNN_OPTS=setting))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip(), "\n".join(line for line in done.stderr.splitlines() if "RuntimeWarning" in line)


@pytest.mark.parametrize(("setting", "enabled"), [(None, "True"), ("1", "True"), ("0", "False")])
def test_imported_before_tensorflow(setting, enabled):
    assert report(BEFORE, setting) == (enabled, "")


@pytest.mark.parametrize(("setting", "enabled"), [("1", "True"), ("0", "False")])
def test_imported_after_tensorflow_the_users_setting_holds_without_a_warning(setting, enabled):
    assert report(AFTER, setting) == (enabled, "")


def test_imported_after_tensorflow_with_the_default_of_this_cpu():
    default, _ = report(f"import tensorflow; {REPORT}")
    enabled, warning = report(AFTER)
    assert enabled == default  # too late to change it
    assert (WARNING in warning) == (default == "False")


def test_a_tensorflow_that_runs_without_it_is_warned_of_once():
    """Any CPU: TensorFlow is imported with oneDNN off, as it is by default on CPUs without VNNI."""
    enabled, warnings = report(f"{HIDE}; {REPORT}", "0")
    assert enabled == "False"
    assert warnings.count(WARNING) == 1
    assert "set TF_ENABLE_ONEDNN_OPTS=1 before Python starts" in warnings


def test_children_inherit_it():
    child = [sys.executable, "-c", f"import tensorflow; {REPORT}"]
    assert report(f"import s3d_tf, subprocess; subprocess.run({child!r}, check=True)") == ("True", "")


@pytest.mark.parametrize("module", ["experiments", "tests", "s3d_tf.cli", "s3d_tf.networks", "experiments.children"])
def test_every_way_in(module):
    assert report(f"import {module}; {REPORT}") == ("True", "")
