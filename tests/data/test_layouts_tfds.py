"""A TFDS set that is made here: its examples by index, still encoded."""

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import prepare, records
from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.frames import MissingVideoError
from s3d_tf.data.layouts import tfds as layout
from s3d_tf.data.split import open_split

SIZES = {"train": 40, "validation": 3, "test": 3, "extra": 3}
LABELS = ["walk", "run", "sit"]


def frames_of(split, index):
    """`3 + index` grey frames of `brightness`."""
    return [np.full((16, 24, 3), value, np.uint8) for value in brightness(index)]


def brightness(index):
    return [30 + (7 * index + 3 * frame) % 200 for frame in range(3 + index)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A set of three splits and one more, each in two shards."""
    tfds = pytest.importorskip("tensorflow_datasets")
    features = {
        "video": tfds.features.Video(shape=(None, 16, 24, 3), encoding_format="jpeg"),
        "label": tfds.features.ClassLabel(names=LABELS),
        "name": tfds.features.Text(),
    }
    folder = tmp_path_factory.mktemp("tfds")
    return write(tfds, folder, "tiny_videos", features)


def write(tfds, folder, set_name, features):
    class VideoSet(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = set_name
        url_infos = {}  # nothing is downloaded
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in SIZES}

        def _generate_examples(self, split):
            for index in range(SIZES[split]):
                example = {"video": frames_of(split, index), "label": index % 3, "name": f"{split} {index}"}
                yield index, {key: value for key, value in example.items() if key in features}

    builder = VideoSet(data_dir=folder)
    config = tfds.download.DownloadConfig(num_shards=2)
    builder.download_and_prepare(download_config=config)
    return builder


def test_examples_are_listed_with_their_labels_and_opened_by_index(built):
    listing = list_dataset("tfds", Path(built.data_path))
    assert listing.classes == LABELS
    assert listing.remarks == ["splits other than train, validation and test, left out: 1 (extra)"]
    assert [item.split for item in listing.items].count("train") == 40
    assert {item.split for item in listing.items} == {"train", "val", "test"}
    assert (
        len(built.info.splits["train"].filenames) == 2
    )  # of more than the 16 that TFDS reads of one before it turns to the next
    seen = set()
    for item in listing.items[::4]:
        video = layout.open_tfds(item.path)
        assert video.fps == 25.0
        assert all(frame.startswith(b"\xff\xd8\xff") for frame in video.frames)  # JPEGs as they are stored
        decoded = [int(cv2.imdecode(np.frombuffer(f, np.uint8), cv2.IMREAD_GRAYSCALE).mean()) for f in video.frames]
        index = len(video.frames) - 3
        assert item.label == LABELS[index % 3]
        assert np.abs(np.subtract(decoded, brightness(index))).max() <= 1
        seen.add((item.split, index))
    assert len(seen) == 12  # each another example
    assert {split for split, _ in seen} == {"train", "val", "test"}
    assert listing.items[0].path == f"tfds:{built.data_path}#train#0"
    assert listing.items[0].media_id == "tiny_videos/train/000000"


def test_paths_and_folders_that_are_not_tfds(built, tmp_path):
    with pytest.raises(ValueError, match=r"which has a dataset_info.json. Received: "):
        list_dataset("tfds", tmp_path)
    for path in ("x.mp4", "tfds:a#train", "tfds:a#train#-1", "tfds:#train#1", "tfds:a##1"):
        with pytest.raises(ValueError, match=r"Received: "):
            layout.parse_path(path)
    assert layout.parse_path("tfds:/a#b/1.0.0#train#12") == ("/a#b/1.0.0", "train", 12)
    for split, index in [("train", 40), ("nowhere", 0)]:
        with pytest.raises(ValueError, match="no such example"):
            layout.open_tfds(f"tfds:{built.data_path}#{split}#{index}")
    (tmp_path / "dataset_info.json").write_text("{}")
    with pytest.raises(ValueError, match="TFDS cannot read this folder"):
        list_dataset("tfds", tmp_path)


def test_a_set_without_a_video_is_named(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    builder = write(tfds, tmp_path, "no_videos", {"label": tfds.features.ClassLabel(names=LABELS)})
    with pytest.raises(ValueError, match=r"needs the features video and label, not \['label'\]"):
        list_dataset("tfds", Path(builder.data_path))


def test_a_damaged_shard_costs_only_its_own_examples(built, tmp_path):
    folder = tmp_path / "1.0.0"
    shutil.copytree(built.data_path, folder)
    shard = folder / built.info.splits["train"].filenames[1]
    shard.write_bytes(shard.read_bytes()[:-100])
    assert len(layout.open_tfds(f"tfds:{folder}#train#0").frames) >= 3
    with pytest.raises(ValueError, match=r"TFDS cannot read this example: .*Received: tfds:.*#train#39"):
        layout.open_tfds(f"tfds:{folder}#train#39")
    for reader in (layout.open_reader, layout.open_tfds):
        with pytest.raises(ValueError, match="TFDS cannot read") as error:
            reader(f"tfds:{folder}#train#39")
        assert not isinstance(error.value, MissingVideoError)
    shard.unlink()
    with pytest.raises(ValueError, match=r"TFDS cannot read .*Received: "):
        layout.open_tfds(f"tfds:{folder}#train#39")


def test_a_disk_that_went_away_is_no_damage(built, tmp_path):
    folder = tmp_path / "1.0.0"
    shutil.copytree(built.data_path, folder)
    path = f"tfds:{folder}#train#3"
    assert len(list(layout.open_reader(path).frames())) >= 3
    assert not layout.is_within_reach("tfds:1.mp4")
    folder.rename(tmp_path / "unmounted")
    with pytest.raises(MissingVideoError):
        layout.open_reader(path)


def test_examples_are_prepared_as_other_videos(built, tmp_path):
    listing = list_dataset("tfds", Path(built.data_path))
    few = dataclasses.replace(listing, items=[item for item in listing.items if item.split == "val"])
    manifest = prepare.prepare(few, tmp_path, prepare.Settings(size=(16, 24)))
    assert manifest["splits"]["val"]["written"] == 3
    split = open_split(tmp_path, "val")
    assert sorted(split.media_ids) == [f"tiny_videos/validation/{index:06d}" for index in range(3)]
    for place, num_frames in enumerate(split.num_frames):  # example n has 3 + n frames, in TFDS's own order
        record = records.parse(split.load(place))
        seen = [int(tf.image.decode_jpeg(jpeg)[8, 8, 0]) for jpeg in record.streams["rgb"].numpy()]
        np.testing.assert_allclose(seen, brightness(num_frames - 3), atol=2)
        assert int(record.label) == (num_frames - 3) % 3
