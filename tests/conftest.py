"""Small real things that several tests share, each made once a session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from s3d_tf.data import listing, prepare, synthetic

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def motion_videos(tmp_path_factory) -> Path:
    """Files of the embedded motion set: 4 drifts, 24 training and 10 validation videos of 12 frames, 40x40."""
    folder = tmp_path_factory.mktemp("motion") / "videos"
    spec = synthetic.SyntheticSet(classes=synthetic.DRIFTS, num_train=24, num_val=10, num_frames=12)
    synthetic.write_set(spec, folder)
    return folder


@pytest.fixture(scope="session")
def motion_records(motion_videos, tmp_path_factory) -> Path:
    """The same, prepared at 40x40 in shards of 5."""
    items = listing.list_folder(motion_videos)
    folder = tmp_path_factory.mktemp("records")
    settings = prepare.Settings(size=(40, 40), shard_size=5)
    prepare.prepare(listing.Listing(items, listing.class_names(items)), folder, settings)
    return folder


@pytest.fixture(scope="session")
def run_script():
    """Runs one of the binaries as a user would: `run_script("train.py", "--flag=value")` -> the finished process."""

    def run(name: str, *arguments: str, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, str(ROOT / "scripts" / name), *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=env, **options)

    return run


def shared_folder() -> Path | None:
    """Real clips and others' outputs to try things on, where a checkout has them beside it."""
    folder = Path(os.environ.get("S3D_TF_SHARED", ROOT.parent / "shared"))
    return folder if folder.is_dir() else None
