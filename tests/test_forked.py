"""A forked process ends, and says, what a Python that was started anew does."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "program",
    [
        "import sys\nprint('out', sys.argv[1:], __name__)\nsys.exit(3)",
        "raise ValueError('no luck')",
        "import sys\nsys.exit('one sentence')",
        "import os, signal\nos.write(2, b'native')\nos.kill(os.getpid(), signal.SIGKILL)",
        "import sys\nprint(sys.path[0], sys.argv[0], file=sys.stderr)",
    ],
)
def test_status_and_output_are_those_of_a_new_process(program, run_script, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(program)
    ours = run_script(str(script), "--", "a b")
    theirs = subprocess.run([sys.executable, str(script), "--", "a b"], capture_output=True, text=True)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert ours.stderr.splitlines()[-1:] == theirs.stderr.splitlines()[-1:]
    assert ("Traceback" in ours.stderr) == ("Traceback" in theirs.stderr)


def test_only_what_enables_onednn_is_imported_before_the_script(run_script, tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\nprint(sorted(name for name in sys.modules if name.startswith(('s3d_tf', 'scripts'))))"
    )
    assert run_script(str(tmp_path / "script.py")).stdout == "['s3d_tf', 's3d_tf.onednn']\n"
