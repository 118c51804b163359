"""Small real things that several tests share, each made once a session."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from tests import forked
from tests.forked import ROOT

# What imports TensorFlow is imported in the fixtures: xdist's own process, which runs no test, would wait for it too.

LONG = (
    "experiments",
    "training",
    "detection",
    "scripts",
    "weights",
    "networks",
    "serving",
)  # folders; the others have short tests


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="Run the tests marked slow, too.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out slow tests unless `--all` or a test by its name asks for them, and starts with the long files.

    Long files first: no process is left alone with one at the end (with xdist's --no-loadscope-reorder).
    """
    if not (config.option.all or any("::" in argument for argument in config.args)):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]

    def place(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def motion_videos(tmp_path_factory) -> Path:
    """Files of the embedded motion set: 4 drifts, 24 training and 10 validation videos of 12 frames, 40x40."""
    from s3d_tf.data import synthetic

    folder = tmp_path_factory.mktemp("motion") / "videos"
    spec = synthetic.SyntheticSet(classes=synthetic.DRIFTS, num_train=24, num_val=10, num_frames=12)
    synthetic.write_set(spec, folder)
    return folder


@pytest.fixture(scope="session")
def motion_records(motion_videos, tmp_path_factory) -> Path:
    """The same, prepared at 40x40 in shards of 5."""
    from s3d_tf.data import listing, prepare

    items = listing.list_folder(motion_videos)
    folder = tmp_path_factory.mktemp("records")
    settings = prepare.Settings(size=(40, 40), shard_size=5)
    prepare.prepare(listing.Listing(items, listing.class_names(items)), folder, settings)
    return folder


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Starts processes that have imported TensorFlow, OpenCV and Keras already (`tests/forked.py`)."""
    return forked.context()


@pytest.fixture(scope="session")
def run_script(processes):
    """Runs one of the binaries: `run_script("train.py", "--flag=value")` -> the finished process.

    A process of its own, which has TensorFlow imported (`tests/forked.py`); one of a test's functions may run `before`.
    """

    def run(name: str, *arguments: str, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as output:
            return forked.finish(forked.start(processes, name, arguments, Path(output), before), Path(output))

    return run


def shared_folder() -> Path | None:
    """Real clips and others' outputs to try things on, where a checkout has them beside it."""
    folder = Path(os.environ.get("S3D_TF_SHARED", ROOT.parent / "shared"))
    return folder if folder.is_dir() else None
