"""Table 4: RGB, flow, and both streams together, of I3D and S3D-G on Kinetics.

    python experiments/table4_flow.py --output_dir=results/mini/table4_flow

12 trainings on eight embedded motions with TV-L1 flow, of which Table 6 has two; about 10 minutes on two cores, of
which the flow takes up to three. Expected: both streams together above each alone. RGB / flow / both: I3D 60 to 85 / 90
/ 97 to 100, S3D-G 77 to 86 / 93 / 99, where chance is 12.5.

    python experiments/table4_flow.py --scale=paper --data_dirs=kinetics=DIR

DIR holds both streams (scripts/prepare_videos.py --streams=rgb,flow). Flow networks are trained by the authors' longer
schedule and start afresh: --weights are of RGB networks. The logits of both streams are added.

The paper, top-1 / top-5:    RGB            flow           both
    I3D                      71.1 / 89.3    63.9 / 85.0    74.1 / 91.6
    S3D-G                    74.7 / 93.4    68.0 / 87.6    77.2 / 93.0
"""

from experiments import command, paper, spread, tables
from experiments.claims import About, Claim
from experiments.experiment import Experiment
from experiments.part import FORWARDS
from experiments.scale import PAPER, Data, Scale
from experiments.two_stream import TwoStream
from experiments.work import Entry
from s3d_tf.training.recipes import recipe

DATA = Data("motion_flow", "kinetics")
NETWORKS = {"i3d": "I3D", "s3d_g": "S3D-G"}
STREAMS = {"rgb": "RGB", "flow": "flow", "both": "both"}
_OF_FLOW = ("name", "stream", "steps", "learning_rates", "boundaries")  # what the authors' flow recipe has of its own


def plan(scale: Scale) -> list[Entry]:
    """Each network on each stream with each seed, and the two streams of a network and seed together."""
    flow, entries = flow_changes(scale), []
    for network in NETWORKS:
        for seed in scale.seeds:
            parts = dict(rgb=scale.part(DATA, network, seed), flow=scale.part(DATA, network, seed, **flow))
            parts["both"] = TwoStream(**parts)
            entries += [
                Entry(scale.key(DATA), name_of(network, stream), part, about=dict(stream=stream))
                for stream, part in parts.items()
            ]
    return entries


def flow_changes(scale: Scale) -> dict:
    """Fields in which the recipe of a flow network differs from that of an RGB network on the same data."""
    changes = dict(stream="flow")
    if scale.name == PAPER:
        changes |= dict(weights="", width=1.0)
        if not scale.dry_run:
            changes |= {field: getattr(recipe("kinetics_flow"), field) for field in _OF_FLOW}
    return changes


def name_of(network: str, stream: str) -> str:
    """How a row is called in `metrics.jsonl`."""
    return f"{network}_{stream}"


def summarise(lines: list[dict]) -> dict:
    """`rows`: network, stream, the spread of `top1` and `top5`, and the paper's."""
    data = lines[0]["data"]
    top1, top5 = (spread.by_network(lines, data, FORWARDS, measure) for measure in ("top1", "top5"))
    shared = dict(data=data, chance=lines[0][FORWARDS]["chance"])
    rows = []
    for network in NETWORKS:
        for stream in STREAMS:
            name = name_of(network, stream)
            papers = paper.TABLE2[network] if stream == "rgb" else paper.TABLE4[network, stream]
            row = dict(network=network, stream=stream, top1=top1[name], top5=top5[name], paper=papers)
            rows.append(row | shared)
    return dict(rows=rows)


def claims(result: dict) -> list[Claim]:
    """Of each network: both streams together are above each alone."""
    return [_both_above_each(network, result) for network in NETWORKS]


def _both_above_each(network: str, result: dict) -> Claim:
    found = {row["stream"]: row["top1"] for row in result["rows"] if row["network"] == network}
    means = {stream: each["mean"] for stream, each in found.items()}
    holds = means["both"] > max(means["rgb"], means["flow"])
    return Claim(
        f"{NETWORKS[network]}: both streams together have a higher top-1 than each of them alone.",
        ", ".join(f"{title} {tables.percent(found[stream])} %" for stream, title in STREAMS.items()),
        holds,
        "" if holds else "The two networks err on the same videos, or the videos are too few to tell.",
    )


def draw(result: dict) -> dict[str, bytes]:
    """`table.md`: a row a network and stream."""
    heads = ["network", "stream", "data", "top-1", "top-5", "paper: top-1", "paper: top-5"]
    title = result["scale"]["titles"]
    rows = [
        [NETWORKS[row["network"]], STREAMS[row["stream"]], title[row["data"]]]
        + [tables.percent(row[measure]) for measure in ("top1", "top5")]
        + [tables.number(value) for value in row["paper"]]
        for row in result["rows"]
    ]
    notes = [f"Chance is {result['rows'][0]['chance'] * 100:.1f} %. Both: the logits of the two networks are added."]
    return {"table.md": tables.page(result, tables.markdown(heads, rows), notes)}


ABOUT = About(
    question="A network can be shown a video's frames (RGB) or its optical flow, which says how far each pixel moves "
    "to the next frame. The paper trains a network on each and adds their outputs: on Kinetics both together are 2.5 "
    "to 3 points better than frames alone.",
    shows="Eight motions of random textures, trained for so short a time that no network is perfect: it shows whether "
    "the two kinds of networks err on different videos, so that their sum is better than each. Flow networks may "
    "mix up the two zooms, whose flow is the weakest: an eighth of the videos.",
    leaves_open="Which of the two is better alone, and by how much they gain on real videos: here the class is a "
    "motion and nothing else, which flow shows directly, while most actions of Kinetics are told by what is seen.",
)
EXPERIMENT = Experiment(
    "table4_flow", "Table 4: RGB, flow and both, Kinetics", (DATA,), plan, summarise, draw, about=ABOUT, claims=claims
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
