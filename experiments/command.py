"""What the binaries of experiments have in common: their flags, and an experiment from flags to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from s3d_tf import cli

from . import scale as scales
from .children import Children
from .experiment import Experiment, finish, run
from .scale import Scale
from .work import Shared


def main(experiment: Experiment) -> None:
    """Defines the flags, does the experiment, and ends the process with a status."""
    define()
    cli.run(lambda _: command(experiment))


def define() -> None:
    """The flags of every binary here; only a binary calls this."""
    flags.DEFINE_enum("scale", scales.MINI, [scales.MINI, scales.PAPER], "The embedded sets, or the paper's protocol.")
    flags.DEFINE_bool("dry_run", False, "Two steps of every network on fixtures; the numbers mean nothing.")
    flags.DEFINE_string("output_dir", None, "Where the numbers go; results/SCALE/NAME by default.")
    flags.DEFINE_string("shared_dir", None, "Trainings that experiments share; beside the output_dir by default.")
    flags.DEFINE_list("data_dirs", [], "Prepared records of --scale=paper: kinetics=DIR,something_something=DIR.")
    flags.DEFINE_string("weights", "", "That all networks of --scale=paper start from: an inflated 2D checkpoint.")
    flags.DEFINE_string("backbone_weights", "", "That the proposals of --scale=paper start from: ImageNet's ResNet-50.")
    flags.DEFINE_list("seeds", [str(seed) for seed in scales.SEEDS], "Seeds where networks are compared.")
    flags.DEFINE_integer("steps", None, "Of every training at the mini scale, for a trial.", lower_bound=2)
    flags.DEFINE_integer("num_replicas", None, "Devices that share a batch; all by default.", lower_bound=1)
    flags.DEFINE_bool("draw_only", False, "Make result.json, tables and figures anew from the numbers that are there.")


def command(experiment: Experiment) -> None:
    """Does one experiment as the flags say, and tells where its files are."""
    output_dir = folder_of(experiment)
    if flags.FLAGS.draw_only:
        paths = finish(experiment, output_dir)
    else:
        shared = shared_folder(output_dir)
        result = run(experiment, make_scale(experiment, shared), output_dir, shared, Children().call)
        print(f"{result['trainings']} trainings, {result['training_seconds']:.0f} s of training")
        paths = [output_dir / name for name in experiment.draw(result)]
    for path in paths:
        if path.suffix == ".md":
            print(path.read_text())
    print(", ".join(map(str, paths)))


def folder_of(experiment: Experiment) -> Path:
    """Where its numbers go."""
    return Path(flags.FLAGS.output_dir or results_folder() / experiment.name)


def results_folder() -> Path:
    """Where the numbers of all experiments of a scale go by default, a folder each."""
    return Path("results") / (flags.FLAGS.scale + ("_dry_run" if flags.FLAGS.dry_run else ""))


def shared_folder(output_dir: Path) -> Shared:
    """Where the parts go that experiments share."""
    return Shared(Path(flags.FLAGS.shared_dir or output_dir.parent / "shared"))


def make_scale(experiment: Experiment, shared: Shared) -> Scale:
    """What the flags say of the scale.

    Raises:
        ValueError: records that are not named, or flags that make no sense.
    """
    given = flags.FLAGS
    mini = given.scale == scales.MINI
    keys = tuple(dict.fromkeys(data.mini if mini else data.paper for data in experiment.data))
    if given.steps and (given.dry_run or not mini):
        raise ValueError(f"Only trainings of the mini scale take steps. Received: steps={given.steps}")
    check_given_weights(weights=given.weights, backbone_weights=given.backbone_weights)
    if given.dry_run:
        return scales.dry(given.scale, keys, shared.data, given.num_replicas)
    if mini:
        return scales.mini(keys, shared.data, parse_seeds(given.seeds), given.steps)
    data_dirs, seeds = parse_data_dirs(given.data_dirs), parse_seeds(given.seeds)
    return scales.paper(keys, data_dirs, seeds, given.num_replicas, given.weights, given.backbone_weights)


def parse_seeds(texts: Sequence[str]) -> tuple[int, ...]:
    """`["0", "1"]` -> `(0, 1)`."""
    if not texts or not all(text.isdecimal() for text in texts) or len(set(texts)) < len(texts):
        raise ValueError(f"seeds must be different whole numbers with commas between. Received: {','.join(texts)!r}")
    return tuple(int(text) for text in texts)


def parse_data_dirs(texts: Sequence[str]) -> dict[str, Path]:
    """`["kinetics=A", "something_something=B"]` -> their folders."""
    found = {}
    for text in texts:
        name, _, folder = text.partition("=")
        if name not in scales.TITLES or not folder:
            raise ValueError(f"data_dirs must look like kinetics=DIR,something_something=DIR. Received: {text!r}")
        found[name] = Path(folder)
    return found


def check_given_weights(**given: object) -> None:
    """Refuses weights at the mini scale and of a dry run, whose networks start afresh.

    Raises:
        ValueError: some are given.
    """
    fresh = flags.FLAGS.scale == scales.MINI or flags.FLAGS.dry_run
    if fresh and (some := {name: value for name, value in given.items() if value}):
        told = ", ".join(f"{name}={value}" for name, value in some.items())
        raise ValueError(f"Only networks of --scale=paper start from weights. Received: {told:.200}")


def parse_pretrained(texts: Sequence[str], names: tuple[str, ...]) -> dict[str, str]:
    """`["i3d=A", "s3d_g=B"]` -> the weights of each of the names, or of none."""
    found = dict(text.split("=", 1) for text in texts if "=" in text)
    if texts and (len(texts) > len(found) or set(found) != set(names) or not all(found.values())):
        form = ",".join(f"{name}=FILE" for name in names)
        raise ValueError(f"pretrained must look like {form}. Received: {','.join(texts)!r}")
    return found
