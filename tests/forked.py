"""Binaries in processes of their own that need not import TensorFlow first: most of a short run is that import.

Each is forked from one process that has imported other people's packages, of ours only what enables oneDNN, and has
computed nothing; it has its own arguments, environment, output and exit status.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = ["s3d_tf", "tensorflow", "keras", "cv2", "pytest"]


def context() -> ForkServerContext:
    """Where processes start that have these packages; the same one for all of a session's tests."""
    processes = ForkServerContext()
    processes.set_forkserver_preload(IMPORTED)
    return processes


def start(
    processes: ForkServerContext,
    script: str,
    arguments: tuple[str, ...],
    folder: Path,
    before: Callable[[], None] | None = None,
) -> BaseProcess:
    """Starts `python scripts/SCRIPT ARGUMENTS`, which writes FOLDER/stdout and FOLDER/stderr; `before` runs first."""
    where = (str(folder), os.getcwd(), {**os.environ, "PYTHONPATH": str(ROOT)})
    process = processes.Process(target=_main, args=(ROOT / "scripts" / script, arguments, *where, before))
    process.start()
    return process


def finish(process: BaseProcess, folder: Path, seconds: float = 300) -> subprocess.CompletedProcess:
    """What `subprocess.run(..., capture_output=True, text=True)` returns."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise subprocess.TimeoutExpired(process.name, seconds)
    output, errors = ((folder / name).read_text(errors="surrogateescape") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(process.name, process.exitcode, output, errors)


def _main(
    script: Path,
    arguments: tuple[str, ...],
    folder: str,
    where: str,
    environment: dict[str, str],
    before: Callable[[], None] | None,
) -> None:
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(where)
    sys.path[:0] = [str(script.parent), str(ROOT)]  # as `PYTHONPATH=ROOT python SCRIPT` has them
    if before:
        before()
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")
