"""Figure 5: the weights of four layers of I3D at each offset in time.

    python experiments/figure5_filter_statistics.py --output_dir=results/mini/figure5_filter_statistics

2 trainings on the embedded motion set, an I2D (which Table 1 has too) and an I3D that begins from it: each of its
filters is the 2D one at every offset, divided by their number. About 2 minutes on two cores. Writes figure.png,
figure.svg and table.md. Expected: in all four layers the offsets have moved apart; at the start they are equal.

    python experiments/figure5_filter_statistics.py --checkpoint=model.ckpt --output_dir=figure5

draws the same of any weights that s3d_tf.load_pretrained reads (docs/weights.md), or of a work_dir, without training.

    python experiments/figure5_filter_statistics.py --scale=paper --data_dirs=kinetics=DIR --weights=inception_v1.ckpt

trains I3D by the paper's recipe from an inflated 2D checkpoint; without --weights from an I2D that is trained first.

The paper: after training on Kinetics-Full the weights at offsets other than 0 are close to zero in the lower layers and
spread in the higher ones. It shows four layers with three offsets, the lowest left; here those are Conv2d_2c_3x3 and
the larger 3x3x3 conv of Mixed_3c, Mixed_4d and Mixed_5c, evenly from bottom to top.
"""

import dataclasses
import json
import sys
from pathlib import Path

from absl import flags

from experiments import command, experiment, figures, filters, tables
from experiments.claims import About, Claim
from experiments.derivation import Derivation
from experiments.experiment import Experiment
from experiments.part import FORWARDS
from experiments.scale import Data, Scale
from experiments.work import Entry
from s3d_tf import cli
from s3d_tf.files import write_json, write_text
from s3d_tf.machine import versions
from s3d_tf.training.checkpoints import load_weights

NAME, TITLE = "figure5_filter_statistics", "Figure 5: the filters of I3D over time"
DATA = (Data("motion", "kinetics"),)
LAYERS = {
    "Conv2d_2c_3x3": "Conv2d_2c_3x3",
    "Mixed_3c/Branch_1/Conv2d_0b_3x3": "Mixed_3c",
    "Mixed_4d/Branch_1/Conv2d_0b_3x3": "Mixed_4d",
    "Mixed_5c/Branch_1/Conv2d_0b_3x3": "Mixed_5c",
}
START, TRAINED = "start", "trained"
FILTERS = Derivation("filters", filters.of_part, dict(layers=list(LAYERS)))
APART, LOWER = 0.1, 0.1  # what counts as having moved, and as nearer to zero


def plan(scale: Scale) -> list[Entry]:
    """I3D, one seed, and before it the I2D that it begins from, unless weights are given."""
    key, seed, derivations = scale.key(DATA[0]), scale.seeds[0], (FILTERS,)
    trained = scale.part(DATA[0], "i3d", seed)
    if trained.recipe.weights:
        return [Entry(key, TRAINED, trained, derivations=derivations)]
    start = scale.part(DATA[0], "i2d", seed)
    trained = dataclasses.replace(trained, begins_from=start)
    return [Entry(key, name, part, derivations=derivations) for name, part in ((START, start), (TRAINED, trained))]


def summarise(lines: list[dict]) -> dict:
    """`network`, `top1` (None of a checkpoint), and `layers`, bottom to top: `layer`, what `filters.describe` says of
    it, and `start`, the box of each offset before training, or None where it is not known."""
    found = {line["name"]: line for line in lines}
    trained, start = found[TRAINED], found.get(START)
    layers = []
    for layer, numbers in trained[FILTERS.name]["layers"].items():
        box = None
        if start:
            flat, count = start[FILTERS.name]["layers"][layer]["offsets"][0], len(numbers["offsets"])
            box = {name: value / count for name, value in flat.items() if name != "offset"}
        layers.append(dict(layer=layer, start=box) | numbers)
    top1 = trained[FORWARDS]["top1"] if FORWARDS in trained else None
    return dict(network=trained[FILTERS.name]["network"], top1=top1, layers=layers)


def draw(result: dict) -> dict[str, bytes]:
    """`figure.png` and `figure.svg`, a panel a layer, and `table.md`."""
    layers = result["layers"]
    figure = figures.new(3.1 * len(layers), 3.6)
    for axes, row in zip(figure.subplots(1, len(layers), squeeze=False)[0], layers, strict=True):
        _draw_layer(axes, row)
    figure.axes[0].set_ylabel("weights")
    notes = [
        "Outer: the height of the boxes at the other offsets as a share of that at offset 0; 1 of filters that are "
        "equal at every offset. Apart: how far the offsets lie from their mean, as a share of it; 0 of equal ones.",
    ]
    if any(row["start"] for row in layers):
        notes.append("Grey: quartiles and whiskers at the start, the same at every offset.")
    return figures.encode(figure, "figure") | {"table.md": tables.page(result, _table(layers), notes, over="one seed")}


def _draw_layer(axes, row: dict) -> None:
    if start := row["start"]:
        axes.axhspan(start["whislo"], start["whishi"], color="0.93", zorder=0)
        axes.axhspan(start["q1"], start["q3"], color="0.85", zorder=0)
    offsets = [box["offset"] for box in row["offsets"]]
    axes.bxp(
        row["offsets"],
        positions=offsets,
        widths=0.55,
        showfliers=False,
        patch_artist=True,
        boxprops=dict(facecolor="#9ecae1", edgecolor="tab:blue"),
        medianprops=dict(color="tab:orange"),
    )
    axes.set_xticks(offsets, [f"{offset:+d}" if offset else "0" for offset in offsets])
    axes.set_xlabel("offset in frames")
    axes.set_title(f"{LAYERS[row['layer']]}\nouter {_share(row['outer'])}, apart {_share(row['apart'])}", fontsize=10)
    axes.grid(axis="y", alpha=0.25)


def _table(layers: list[dict]) -> str:
    rows = [
        [
            LAYERS[row["layer"]],
            " / ".join(f"{box['mean']:.4f}" for box in row["offsets"]),
            " / ".join(f"{box['deviation']:.4f}" for box in row["offsets"]),
            _share(row["outer"]),
            _share(row["apart"]),
        ]
        for row in layers
    ]
    heads = ["layer", "mean at each offset", "deviation at each offset", "outer", "apart"]
    return tables.markdown(heads, rows)


def _share(value: float | None) -> str:
    return tables.number(value, 2)


def claims(result: dict) -> list[Claim]:
    """That training moved the offsets apart, and the paper's sentence on lower and higher layers."""
    layers, mini = result["layers"], result["scale"]["name"] == "mini"
    apart = ", ".join(f"{LAYERS[row['layer']]} {_share(row['apart'])}" for row in layers)
    outer = ", ".join(f"{LAYERS[row['layer']]} {_share(row['outer'])}" for row in layers)
    found = []
    if mini:
        found.append(
            Claim(
                f"Filters that begin equal at every offset lie apart by {APART:.0%} of their mean or more in all four "
                "layers once trained.",
                f"Apart: {apart}",
                all(row["apart"] is not None and row["apart"] >= APART for row in layers),
                "Training was too short to move them.",
            )
        )
    if all(row["outer"] is not None for row in layers):
        found.append(
            Claim(
                "The paper: beside offset 0 the weights are nearer to zero in the lowest of the four layers than in "
                f"the highest, by {LOWER:.0%} of their spread at offset 0 or more.",
                f"Height of the boxes beside offset 0, as a share of that at it: {outer}",
                layers[0]["outer"] <= layers[-1]["outer"] - LOWER,
                "The motions of the embedded set are those of pixels, so that the lowest layers need every offset; and "
                "its training is too short for weights to fall to zero.",
            )
        )
    return found if mini else [claim._replace(reason="") for claim in found]  # they are those of the embedded set


def from_checkpoint(path: str, output_dir: Path) -> list[Path]:
    """The numbers, the figure and the table of any weights, or of a work_dir.

    Raises:
        ValueError: nothing that can be read, or a network that sees no time in these layers.
    """
    found = filters.of_model(load_weights(path), list(LAYERS))
    if not all(len(row["offsets"]) > 1 for row in found["layers"].values()):
        raise ValueError(f"Not all of {', '.join(LAYERS.values())} see several frames. Received: {found['network']}")
    output_dir.mkdir(parents=True, exist_ok=True)
    scale = dict(name="checkpoint", checkpoint=path, dry_run=False, seeds=[], titles={})
    title = f"The filters of {found['network']} over time: {Path(path).name}"
    head = dict(experiment=NAME, title=title, scale=scale, versions=versions(), command=sys.argv)
    write_json(output_dir / experiment.CONFIG, head)
    write_text(output_dir / experiment.METRICS, json.dumps({"name": TRAINED, FILTERS.name: found}) + "\n")
    return experiment.finish(EXPERIMENT, output_dir)


ABOUT = About(
    question="I3D starts from a network that was trained on single images: each of its filters is the image filter, "
    "repeated for every frame that it sees. Which filters learn to treat the frames differently? The paper finds that "
    "filters near the pixels come to look at the middle frame alone, and that those in higher layers use all "
    "frames: time matters most at the top.",
    shows="The filters of a small I3D that began from an image network and learnt four directions of motion. The grey "
    "bands are the weights at the start, which are the same for every frame; where the boxes differ from each other, "
    "the layer has learnt something about time.",
    leaves_open="Whether a network trained on Kinetics looks like the paper's figure: give its checkpoint with "
    "--checkpoint. On the embedded set only the motion of pixels tells the classes, so that low layers need time too.",
)
EXPERIMENT = Experiment(NAME, TITLE, DATA, plan, summarise, draw, about=ABOUT, claims=claims)


def main() -> None:
    """As the other binaries, or of a checkpoint."""
    command.define()
    checkpoint = flags.DEFINE_string("checkpoint", None, "Draw these weights instead, or those of a work_dir.")

    def chosen(_) -> None:
        if not checkpoint.value:
            return command.command(EXPERIMENT)
        folder = Path(flags.FLAGS.output_dir or Path("results") / "checkpoint" / NAME)
        print(", ".join(map(str, from_checkpoint(checkpoint.value, folder))))

    cli.run(chosen)


if __name__ == "__main__":
    main()
