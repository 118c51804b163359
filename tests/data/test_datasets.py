"""A known data set through the binary."""

import shutil

import tensorflow as tf

from s3d_tf.data import records


def test_the_binary_prepares_a_known_set_and_says_what_is_missing(motion_videos, run_script, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    for label in ("drift_up", "drift_down"):
        lines = "".join(f"{label}_{index}.avi {split} \n" for index, split in enumerate((1, 2, 0, 2)))
        (lists / f"{label}_test_split3.txt").write_text(lines)
        (tmp_path / "videos" / label).mkdir(parents=True)
        for index, file in enumerate(sorted((motion_videos / "train" / label).iterdir())[:3]):
            shutil.copy(file, tmp_path / f"videos/{label}/{label}_{index}.avi")
    arguments = ("--dataset=hmdb51", f"--source={tmp_path}/videos", f"--annotations={lists}", "--split_number=3")
    done = run_script("prepare_videos.py", *arguments, f"--output_dir={tmp_path}/out", "--resize=32x32", "--workers=1")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for line in [
        "videos that the split leaves unused: 2 (drift_down_2, drift_up_2)",
        "listed videos that are not there: 2 (drift_down/drift_down_3.avi, drift_up/drift_up_3.avi)",
        "train: 2 listed, 2 written, 0 missing, 0 unreadable, 1 shards; 24 frames decoded of 24 declared",
        "test: 4 listed, 2 written, 2 missing, 0 unreadable, 1 shards; 24 frames decoded of 24 declared",
        "  missing: drift_up/drift_up_3.avi: No such file or directory",
    ]:
        assert line in done.stdout.splitlines()
    assert "no split" not in done.stdout
    files = tf.io.gfile.glob(f"{tmp_path}/out/test-*.tfrecord")
    parsed = [records.parse(serialized) for serialized in tf.data.TFRecordDataset(files)]
    assert {(record.media_id.numpy(), int(record.label)) for record in parsed} == {
        (b"drift_down/drift_down_1.avi", 0),
        (b"drift_up/drift_up_1.avi", 1),
    }
