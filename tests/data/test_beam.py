import functools

import pytest

from s3d_tf.data import beam, listing, prepare
from tests.data.test_prepare import checksums

pytest.importorskip("apache_beam", reason="Apache Beam is not installed")


def test_beam_writes_the_same_bytes(motion_videos, motion_records, tmp_path):
    items = listing.list_folder(motion_videos)
    listed = listing.Listing(items, listing.class_names(items))
    runner = functools.partial(beam.in_beam, options=["--runner=DirectRunner"])
    prepare.prepare(listed, tmp_path, prepare.Settings(size=(40, 40), shard_size=5), runner=runner)
    assert checksums(tmp_path) == checksums(motion_records)
