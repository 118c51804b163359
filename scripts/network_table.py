"""Parameters and multiply-adds of every network of the paper, every K too, ours beside the paper's.

    python scripts/network_table.py                                        # the table of docs/networks.md, 40 s
    python scripts/network_table.py --network=s3d,s3d_g --convention=tf_slim --num_frames=16 --json

Expected at the default 64x224x224 and 400 classes (parameters in millions, multiply-adds in billions):

    i2d 6.00 36.89   i3d 12.69 111.15   s3d 9.69 68.18   s3d_g 10.90 68.28   fast_s3d 7.61 45.07

All SAME taps are counted. The paper's own figures follow from no public definition (docs/networks.md).
"""

from __future__ import annotations

import json

from absl import flags

from s3d_tf import cli
from s3d_tf.networks import CONVENTIONS, FAMILIES, UNITS, VARIANTS, as_network, build_model, cost

NETWORKS = flags.DEFINE_list(
    "network", None, "names, such as s3d,top_heavy_i3d:Mixed_4b; all, and every K, when left out"
)
NUM_FRAMES = flags.DEFINE_integer("num_frames", 64, "frames of the clip", lower_bound=8)
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "rows and columns of the clip", lower_bound=32)
NUM_CLASSES = flags.DEFINE_integer("num_classes", 400, "number of logits", lower_bound=1)
CONVENTION = flags.DEFINE_enum("convention", "paper", sorted(CONVENTIONS), "whose conventions to build by")
LAYERS = flags.DEFINE_bool("layers", False, "a line for every layer, too")
JSON = flags.DEFINE_bool("json", False, "print a JSON list instead")

PAPER = {  # millions of parameters, billions of multiply-adds: Table 2; Fast-S3D: section 4.5
    "i3d": ("12.06", "107.89"),
    "s3d": ("8.77", "66.38"),
    "s3d_g": ("11.56", "71.38"),
    "fast_s3d": ("", "43.47"),
}


def main(argv: list[str]) -> None:
    del argv
    names = NETWORKS.value or [*VARIANTS, *(f"{family}:{k}" for family in FAMILIES for k in range(len(UNITS) + 1))]
    for name in names:  # before anything is printed
        as_network(name, CONVENTION.value)
    rows = []
    if not JSON.value:
        print(
            f"clip {NUM_FRAMES.value}x{IMAGE_SIZE.value}x{IMAGE_SIZE.value}, {NUM_CLASSES.value} classes, "
            f"convention {CONVENTION.value}; multiply-adds count all SAME taps\n\n"
            f"{'network':<22}{'params M':>10}{'paper':>8}{'G multiply-adds':>17}{'paper':>8}"
        )
    for name in names:
        model = build_model(name, NUM_CLASSES.value, convention=CONVENTION.value)
        costs = cost.layer_costs(model, NUM_FRAMES.value, IMAGE_SIZE.value)
        params, multiply_adds = sum(c.params for c in costs), sum(c.multiply_adds for c in costs)
        rows.append(
            dict(
                network=name,
                params=params,
                multiply_adds=multiply_adds,
                num_frames=NUM_FRAMES.value,
                image_size=IMAGE_SIZE.value,
                num_classes=NUM_CLASSES.value,
                convention=CONVENTION.value,
            )
        )
        if not JSON.value:
            paper_params, paper_cost = PAPER.get(name, ("", ""))
            print(f"{name:<22}{params / 1e6:>10.2f}{paper_params:>8}{multiply_adds / 1e9:>17.2f}{paper_cost:>8}")
            for c in costs if LAYERS.value else ():
                print(f"    {c.name:<60}{'x'.join(map(str, c.output_shape)):>16}{c.params:>10}{c.multiply_adds:>15}")
    if JSON.value:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    cli.run(main)
