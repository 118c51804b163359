"""Tests when the quickstart calls its own result an error."""

import pytest

from tests.forked import ROOT

CODE = """
import sys
sys.path.insert(0, {scripts!r})
from absl import flags
import quickstart
flags.FLAGS(["quickstart.py", *{flags!r}])
sys.exit(quickstart.fell_short({result!r}, quickstart.Budget(*{budget!r})))
"""


@pytest.mark.parametrize(
    ("top1", "top1_reversed", "budget", "flags", "status"),
    [
        (1.0, 0.0, (), [], 0),
        (0.95, 0.05, (), [], 0),
        (0.75, 0.25, (), [], 1),
        (1.0, 0.06, (), [], 1),
        (0.25, 0.25, (20, 64, 16), [], 0),  # a smaller budget
        (0.25, 0.25, (), ["--network=i2d"], 0),  # sees no motion
    ],
)
def test_a_result_that_falls_short_is_an_error(run_script, tmp_path, top1, top1_reversed, budget, flags, status):
    result = dict(top1=top1, top1_reversed=top1_reversed)
    code = CODE.format(scripts=str(ROOT / "scripts"), flags=flags, result=result, budget=budget)
    (tmp_path / "script.py").write_text(code)
    done = run_script(str(tmp_path / "script.py"))
    assert done.returncode == status, done.stderr
    assert ("try another seed (--seed=1) or more steps" in done.stderr) == bool(status)
