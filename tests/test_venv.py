"""`ensure_venv` of scripts/venv.sh, up to the point where it would install anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.forked import ROOT


def ensure_venv(venv: Path, **environment: str) -> subprocess.CompletedProcess:
    command = ["bash", "-euo", "pipefail", "-c", ". scripts/venv.sh; ensure_venv test"]
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHON", "S3D_TF_EXTRAS")}
    environment = {**inherited, "S3D_TF_VENV": str(venv), **environment}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def python_of_version(major: int, minor: int, path: Path, pip_status: int = 7) -> str:
    """Writes an executable that reports this version and appends the arguments of `pip install` to `path`.log.

    `pip install` exits with `pip_status`. It creates no environment: `-m venv` exits with 7.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
case "$*" in
  --version) echo "Python {major}.{minor}.0" ;;
  "-m pip --version") ;;
  "-m pip install "*) echo "$*" >> "{path}.log"; exit {pip_status} ;;
  "-c "*) exec "{sys.executable}" -c "import sys; sys.version_info = ({major}, {minor}, 0); $2" ;;
  *) exit 7 ;;
esac
""")
    path.chmod(0o755)
    return str(path)


def environment_of_version(major: int, minor: int, venv: Path, pip_status: int = 0) -> Path:
    """Writes a virtual environment with such a Python; returns the log of what it was to install."""
    python = python_of_version(major, minor, venv / "bin/python", pip_status)
    (venv / "pyvenv.cfg").touch()
    (venv / "bin/activate").touch()
    return Path(f"{python}.log")


@pytest.mark.parametrize(("major", "minor"), [(2, 7), (3, 9), (3, 14), (4, 0)])
def test_pythons_that_tensorflow_does_not_support_are_rejected(major, minor, tmp_path):
    ended = ensure_venv(tmp_path / "venv", PYTHON=python_of_version(major, minor, tmp_path / "python"))
    assert ended.returncode == 1
    assert ended.stderr == (
        "error: TensorFlow 2.21 needs Python 3.10 to 3.13; name one with PYTHON=... "
        f"Received: Python {major}.{minor}.0\n"
    )
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("minor", [10, 11, 12, 13])
def test_supported_pythons_are_asked_for_an_environment(minor, tmp_path):
    python = python_of_version(3, minor, tmp_path / "python")
    ended = ensure_venv(tmp_path / "venv", PYTHON=python)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, f"+ {python} -m venv --clear {tmp_path}/venv\n", "")


def test_setup_py_names_the_same_pythons():
    assert re.search(r'python_requires="(.+?)"', (ROOT / "setup.py").read_text()).group(1) == ">=3.10,<3.14"


@pytest.mark.parametrize("minor", [10, 11, 12, 13])
def test_a_package_has_at_most_one_version_on_a_python_and_one_on_python_3_10(minor):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    environment = {"python_version": f"3.{minor}"}
    pinned = [r.name for r in requirements if r.marker is None or r.marker.evaluate(environment)]
    assert len(pinned) == len(set(pinned))
    assert all(str(r.specifier).startswith("==") for r in requirements)
    if minor == 10:  # where it is the easiest to forget
        assert set(pinned) == {r.name for r in requirements}


def test_a_python_that_does_not_exist_is_rejected(tmp_path):
    ended = ensure_venv(tmp_path / "venv", PYTHON="no-such-python")
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.endswith("no-such-python: command not found\n")


def test_an_environment_of_another_python_is_kept(tmp_path):
    log = environment_of_version(3, 12, tmp_path / "venv")
    python = python_of_version(3, 13, tmp_path / "python")
    ended = ensure_venv(tmp_path / "venv", PYTHON=python)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"error: {tmp_path}/venv has Python 3.12.0; delete it, or set S3D_TF_VENV to another folder. "
        f"Received: PYTHON={python}\n"
    )
    assert not log.exists()


def test_an_environment_of_an_unsupported_python_is_replaced(tmp_path):
    environment_of_version(3, 14, tmp_path / "venv")
    python = python_of_version(3, 13, tmp_path / "python")
    ended = ensure_venv(tmp_path / "venv", PYTHON=python)
    assert ended.stdout == f"+ {python} -m venv --clear {tmp_path}/venv\n"


def test_extras_are_installed_once(tmp_path):
    log = environment_of_version(3, 12, tmp_path / "venv")
    install = "-m pip install --quiet --disable-pip-version-check -c constraints.txt -e .[{}]"
    for _ in range(2):
        assert ensure_venv(tmp_path / "venv").returncode == 0
    assert log.read_text().splitlines() == [install.format("test")]
    for _ in range(2):
        assert ensure_venv(tmp_path / "venv", S3D_TF_EXTRAS="gpu").returncode == 0
    assert log.read_text().splitlines() == [install.format("test"), install.format("test,gpu")]


def test_a_failed_installation_is_repeated(tmp_path):
    log = environment_of_version(3, 12, tmp_path / "venv", pip_status=5)
    for _ in range(2):
        assert ensure_venv(tmp_path / "venv").returncode == 1
    assert len(log.read_text().splitlines()) == 2


def test_a_folder_of_other_files_is_kept(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    ended = ensure_venv(tmp_path, PYTHON=sys.executable)
    assert ended.returncode == 1
    assert ended.stderr == f"error: S3D_TF_VENV must be a new folder or a virtual environment. Received: {tmp_path}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
