"""Work in other processes: its value comes back, and its end is told whatever it is."""

import os
import signal

import pytest

from experiments.children import Children
from s3d_tf.training.stopping import StoppedError


def double(number):
    print("doubled", number)
    return number * 2


def fail(kind):
    raise kind("No luck. Received: 3")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_value_comes_back_and_the_output_goes_to_the_log(processes, tmp_path):
    log = tmp_path / "below" / "log.txt"
    assert Children(processes).call("double", log, lambda: None, double, 4) == 8
    assert log.read_text() == "doubled 4\n"


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (fail, (ValueError,), "i3d failed: No luck. Received: 3. The log is "),
        (fail, (TypeError,), "i3d failed: TypeError: No luck. Received: 3. The log is "),
        (die, (), "i3d failed: its process ended with status -9. The log is "),
    ],
)
def test_a_crash_is_named_in_a_sentence(processes, tmp_path, function, arguments, told):
    with pytest.raises(OSError) as raised:
        Children(processes).call("i3d", tmp_path / "log.txt", lambda: None, function, *arguments)
    assert str(raised.value).startswith(told) and str(tmp_path) in str(raised.value)


def test_a_training_that_was_told_to_stop_stops_the_experiment(processes, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Children(processes).call("i3d", tmp_path / "log.txt", lambda: None, fail, StoppedError)
