"""Slow tests are left out, and counted, unless `--all` or their own name asks for them."""

import subprocess
import sys

import pytest

from tests.forked import ROOT

SLOW = "tests/serving/test_load.py"
NAME = f"{SLOW}::test_five_hundred_requests_hostile_ones_and_a_swap"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((SLOW,), "no tests collected (1 deselected)"),
        ((SLOW, "--all"), "1 test collected"),
        ((NAME,), "1 test collected"),
    ],
)
def test_slow_tests(arguments, told):
    command = [sys.executable, "-m", "pytest", "--collect-only", "-n", "0", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told in done.stdout
