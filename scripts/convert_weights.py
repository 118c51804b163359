"""Anybody's S3D, S3D-G or I3D weights into our own format: Keras weights and a JSON of network and preprocessing.

    python scripts/convert_weights.py --checkpoint=rgb_imagenet/model.ckpt --output=models/i3d --labels=label_map.txt
    python scripts/convert_weights.py --checkpoint=s3d_howto100m.pth --output=models/milnce --verbose
    python scripts/convert_weights.py --checkpoint=RUN --output=models/mine
    python scripts/convert_weights.py --checkpoint=inception_v1.ckpt --output=models/s3d_g_inflated \\
        --network=s3d_g --num_classes=400 --allow='Conv2d_0c_1x1/*'

RUN is a work_dir of scripts/train.py, of which the newest checkpoint is taken. Source and network follow from names and
shapes (docs/weights.md). Fails, and writes nothing, when a tensor is missing, extra or mis-shaped and not named in
--allow. Takes some seconds; expect "387 tensors of torchvision", 456 of
MIL-NCE, 230 of DeepMind's I3D.
"""

from __future__ import annotations

import dataclasses
import pathlib

from absl import flags

from s3d_tf import cli
from s3d_tf.networks import CONVENTIONS
from s3d_tf.training.warm_start import read_weights
from s3d_tf.weights import save
from s3d_tf.weights.pretrained import build_from

CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "TensorFlow prefix, .npz, .safetensors, .pth or .pt, or a work_dir", required=True
)
OUTPUT = flags.DEFINE_string("output", None, "folder to make", required=True)
OVERWRITE = flags.DEFINE_bool("overwrite", False, "replace the folder if it holds such a model")
NETWORK = flags.DEFINE_string("network", None, "inflate to this network; the checkpoint's own when left out")
CONVENTION = flags.DEFINE_enum("convention", None, sorted(CONVENTIONS), "of --network")
NUM_CLASSES = flags.DEFINE_integer("num_classes", None, "another number of logits", lower_bound=1)
ALLOW = flags.DEFINE_list("allow", [], "patterns of names that may be missing, extra or mis-shaped")
LABELS = flags.DEFINE_string("labels", None, "file with a class name a line, in the order of the logits")
VERBOSE = flags.DEFINE_bool("verbose", False, "print every tensor's way")


def main(argv: list[str]) -> None:
    del argv
    model = build_from(
        read_weights(CHECKPOINT.value),
        NETWORK.value,
        num_classes=NUM_CLASSES.value,
        convention=CONVENTION.value,
        allow=ALLOW.value,
    )
    preprocessing = model.preprocessing
    if LABELS.value:
        lines = pathlib.Path(LABELS.value).read_text(encoding="utf-8").splitlines()
        labels = tuple(line.strip() for line in lines if line.strip())
        preprocessing = dataclasses.replace(preprocessing, labels=labels)
    save(model, OUTPUT.value, preprocessing=preprocessing, overwrite=OVERWRITE.value)

    report = model.report
    if VERBOSE.value:
        shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
        for ours, theirs in report.loaded.items():
            print(f"{theirs} -> {ours} {shapes[ours]}")
        for ours in report.fresh:
            print(f"(start value) -> {ours} {shapes[ours]}")
    for ours in report.summed:
        print(f"summed over its frames, and spread over others: {ours}")
    for pattern, count in report.ignored.items():
        print(f"passed over, no part of the network: {count} variables like {pattern}")
    for ours in report.not_loaded:
        print(f"not loaded, as allowed: {ours}")
    config = model.s3d_config
    print(
        f"{len(report.loaded)} tensors of {report.source} -> {OUTPUT.value}: {config['name']['name']}, "
        f"width {config['width']:g}, {config['num_classes']} classes, {len(report.fresh)} at their start value"
    )


if __name__ == "__main__":
    cli.run(main)
