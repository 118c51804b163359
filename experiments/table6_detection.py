"""Table 6: action detection on JHMDB and UCF-101-24; I3D and S3D-G inside of Faster R-CNN, with RGB, flow and both.

    python experiments/table6_detection.py --output_dir=results/mini/table6_detection

15 detectors of I3D, S3D-G and I2D on the embedded detection set, whose actors differ only in how they move; they start
from 12 networks of embedded motions, of which Tables 1, 4 and 5 have nine. Expected:

    python experiments/table6_detection.py --scale=paper \\
        --pretrained=i3d=FILE,i3d_flow=FILE,s3d_g=FILE,s3d_g_flow=FILE --backbone_weights=FILE \\
        --data_dirs=jhmdb_1=DIR,jhmdb_2=DIR,jhmdb_3=DIR,ucf101_24=DIR

Records hold both streams (scripts/prepare_videos.py --streams=rgb,flow), JHMDB a folder a split. --pretrained are
checkpoints of Kinetics of any known source (docs/weights.md); without it the networks are those of Table 4, trained on
--data_dirs=kinetics=DIR. --backbone_weights are ImageNet's (docs/detection.md).

The paper, frame-mAP at 0.5:    JHMDB    UCF-101-24
    I3D                          73.2          76.3
    S3D-G                        75.2          78.8
"""

import functools
from collections.abc import Mapping, Sequence

from absl import flags

from experiments import command, figures, judgement, paper, spread, table4_flow, tables
from experiments.claims import About, Claim
from experiments.experiment import Experiment
from experiments.part import FORWARDS, Part
from experiments.scale import MINI, Data, Scale
from experiments.work import Entry
from s3d_tf import cli
from s3d_tf.detection import error_analysis

FIRST = {"rgb": Data("motion", "kinetics"), "flow": Data("motion_flow", "kinetics")}  # a stream is trained on it before
LOOKS = Data("appearance", "kinetics")  # and the proposals' network, at the mini scale
DETECTED = tuple(Data("actors", key) for key in ("jhmdb_1", "jhmdb_2", "jhmdb_3", "ucf101_24"))
NETWORKS = {"i3d": "I3D", "s3d_g": "S3D-G", "i2d": "I2D"}
PAPERS = ("i3d", "s3d_g")  # networks at its scale
STREAMS = {"rgb": ("rgb",), "flow": ("flow",), "both": ("rgb", "flow")}
TITLES = {"rgb": "RGB", "flow": "flow", "both": "both"}
STANDS_FOR = {"actors": ("jhmdb", "ucf101_24"), "jhmdb": ("jhmdb",), "ucf101_24": ("ucf101_24",)}
VIDEO_MAP = ("0.2", "0.5", "0.75", "0.5:0.95")
ERRORS = (*error_analysis.KINDS, error_analysis.MISSED)
LEAST, FAR_BELOW, WRONG_PLACE = 0.7, 0.5, 0.1


def plan(scale: Scale, pretrained: Mapping[str, str], backbone_weights: str = "") -> list[Entry]:
    """Each network with each kind of streams on each set; with all seeds at the mini scale on RGB, else with the first.

    Args:
        scale: see `Scale`.
        pretrained: network, or network_flow -> weights to start from instead of training on the first set.
        backbone_weights: that the proposals' network starts from.
    """
    if scale.name == MINI:  # the paper's is trained on ImageNet
        backbone = dict(backbone=scale.part(LOOKS, "i2d"))
    else:
        backbone = dict(backbone_weights=backbone_weights)
    entries = []
    for data in {scale.key(each): each for each in DETECTED}.values():
        for network in NETWORKS if scale.name == MINI else PAPERS:
            for kind, streams in STREAMS.items():
                for seed in scale.seeds if (scale.name, kind) == (MINI, "rgb") else scale.seeds[:1]:
                    starts = _starts(scale, network, streams, seed, pretrained)
                    part = scale.detection_part(data, network, seed, streams=streams, **starts, **backbone)
                    entries.append(Entry(scale.key(data), f"{network}_{kind}", part, about=dict(streams=kind)))
    return entries


def _starts(scale: Scale, network: str, streams: Sequence[str], seed: int, pretrained: Mapping[str, str]) -> dict:
    """What the streams of a detector start from, as arguments of `Scale.detection_part`."""
    if pretrained:
        named = dict(rgb=("weights", network), flow=("flow_weights", f"{network}_flow"))
        return {named[stream][0]: pretrained[named[stream][1]] for stream in streams}
    changes = dict(rgb={}, flow=table4_flow.flow_changes(scale))
    parts: list[Part] = [scale.part(FIRST[stream], network, seed, **changes[stream]) for stream in streams]
    return dict(begins_from=tuple(parts))


def set_of(key: str) -> str:
    """The data set of a split: jhmdb of jhmdb_2."""
    return "jhmdb" if key.startswith("jhmdb") else key


def summarise(lines: list[dict]) -> dict:
    """`rows`: network, streams, data set; the spread over seeds, or splits, of `frame_map` and of each `video_map`, the
    mean of each of the `errors`, and the paper's."""
    found: dict[tuple, list[dict]] = {}
    for line in lines:
        found.setdefault((set_of(line["data"]), line["network"], line["streams"]), []).append(line[FORWARDS])
    rows = []
    for (data, network, streams), some in found.items():
        row = dict(network=network, streams=streams, data=data, true_boxes=some[0]["true_boxes"])
        row["frame_map"] = spread.spread(each["frame_map"] for each in some)
        row["video_map"] = {key: spread.spread(each["video_map"][key] for each in some) for key in VIDEO_MAP}
        row["errors"] = {kind: sum(each["errors"][kind] for each in some) / len(some) for kind in ERRORS}
        known = paper.TABLE6.get(network, {}) if streams == "both" else {}
        rows.append(row | dict(paper={name: known[name] for name in STANDS_FOR[data] if name in known}))
    return dict(rows=rows)


def claims(result: dict) -> list[Claim]:
    """Of each data set: S3D-G finds the actors and what they do, I2D only where they are; S3D-G is not below I3D."""
    found = {}
    for row in result["rows"]:
        found.setdefault(row["data"], {})[row["network"], row["streams"]] = row
    told = []
    for rows in found.values():
        told += _mini_claims(rows) if ("i2d", "rgb") in rows else []
        kind = "rgb" if ("i2d", "rgb") in rows else "both"
        pair = [(NETWORKS[name], rows[name, kind]["frame_map"]) for name in ("s3d_g", "i3d")]
        text = "S3D-G's frame-mAP is not below I3D's beyond the spread. The paper: 2.0 and 2.5 points above."
        told.append(judgement.order(text, *pair))
    return told


def _mini_claims(rows: Mapping[tuple[str, str], dict]) -> list[Claim]:
    s3d_g, i2d = rows["s3d_g", "rgb"], rows["i2d", "rgb"]
    tops = [row["frame_map"]["mean"] for row in (s3d_g, i2d)]
    told = [f"{tables.percent(row['frame_map'])} %" for row in (s3d_g, i2d)]
    amiss = {kind: i2d["errors"][kind] for kind in ("localisation", "other", "missed")}
    shares = ", ".join(f"{kind} {share * 100:.1f}" for kind, share in amiss.items())
    return [
        judgement.claim(
            f"S3D-G on RGB has a frame-mAP of at least {LEAST * 100:.0f} %.",
            told[0],
            tops[0] >= LEAST,
        ),
        judgement.claim(
            "I2D on RGB has less than half of S3D-G's frame-mAP: it does not see how actors move.",
            f"I2D {told[1]}, S3D-G {told[0]}",
            tops[1] < FAR_BELOW * tops[0],
        ),
        judgement.claim(
            "I2D on RGB sees where actors are: boxes that are wrong or missing cost it at most "
            f"{WRONG_PLACE * 100:.0f} % of the area below its curves, wrong classes the rest.",
            f"{shares}; classification {i2d['errors']['classification'] * 100:.1f} %",
            sum(amiss.values()) <= WRONG_PLACE,
        ),
    ]


def draw(result: dict) -> dict[str, bytes]:
    """`table.md`, a row a network, streams and data set; and `figure`, what each detector's errors cost."""
    heads = ["network", "streams", "data", "frame-mAP", *(f"video-mAP {each}" for each in VIDEO_MAP)]
    heads += ["paper: JHMDB", "paper: UCF-101-24"]
    rows = [
        [NETWORKS[row["network"]], TITLES[row["streams"]], title_of(row["data"], result)]
        + [tables.percent(each) for each in (row["frame_map"], *row["video_map"].values())]
        + [tables.number(row["paper"].get(name)) for name in ("jhmdb", "ucf101_24")]
        for row in result["rows"]
    ]
    notes = [
        "frame-mAP at an overlap of 0.5, over all frames of all videos; video-mAP of linked boxes at the overlaps in "
        "the heads. The paper does not say by which streams its numbers were reached; they stand beside both."
    ]
    over = f"{len(result['scale']['seeds'])} seeds with RGB alone, else one" if _is_mini(result) else "splits"
    page = tables.page(result, tables.markdown(heads, rows), notes, over=over)
    return {"table.md": page} | figures.encode(_figure(result), "figure")


def _is_mini(result: dict) -> bool:
    return result["scale"]["name"] == MINI


def title_of(data: str, result: dict) -> str:
    """A data set, without the number of a split."""
    titles = result["scale"]["titles"]
    return next(title for key, title in titles.items() if set_of(key) == data).partition(",")[0]


COLOURS = ("#2b7a4b", "#8a7bc8", "#d9822b", "#5aa9b5", "#9a9a9a", "#d8d4ca")  # of `ERRORS`


def _figure(result: dict):
    """A bar for each detector: its average precision, and what each kind of error costs."""
    rows = list(reversed(result["rows"]))
    figure = figures.new(7.5, 1.3 + 0.34 * len(rows))
    axes = figure.add_subplot()
    names = [f"{NETWORKS[row['network']]}, {TITLES[row['streams']]}" for row in rows]
    if len({row["data"] for row in rows}) > 1:
        names = [f"{name}, {title_of(row['data'], result)}" for name, row in zip(names, rows, strict=True)]
    left = [0.0] * len(rows)
    for kind, colour in zip(ERRORS, COLOURS, strict=True):
        shares = [row["errors"][kind] * 100 for row in rows]
        axes.barh(range(len(rows)), shares, left=left, color=colour, label=kind, height=0.72)
        left = [one + other for one, other in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlim=(0, 100), xlabel="per cent of the area below the precision-recall curve, mean over classes")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(ERRORS), frameon=False, fontsize=8)
    return figure


ABOUT = About(
    question="An action detector says who does what and where. The paper puts its networks into Faster R-CNN: a 2D "
    "network proposes boxes in a frame, and a video network looks at what happens in them in the 20 frames around. "
    "With S3D-G inside, 2.0 and 2.5 points more are right than with I3D.",
    shows="Videos of one to three actors, patches through which a texture drifts: the direction is their class, and no "
    "single frame says anything of it. A network that looks at frames one by one (I2D) finds them and can only guess "
    "what they do; one that looks at several finds both. Flow shows the direction in a single frame, so with it I2D "
    "sees what they do as well. The figure splits up what each detector gets wrong. Networks start from those that "
    "were trained on whole videos of motions, as the paper's start from Kinetics.",
    leaves_open="Which of I3D and S3D-G detects better in real videos, where actors are told by their looks and by "
    "what they hold too, and whether both streams together are better than each.",
)


def experiment(pretrained: Mapping[str, str], backbone_weights: str = "") -> Experiment:
    """The experiment, on the first sets too unless all networks start from other weights."""
    return Experiment(
        "table6_detection",
        "Table 6: action detection",
        DETECTED if pretrained else (*FIRST.values(), LOOKS, *DETECTED),
        functools.partial(plan, pretrained=pretrained, backbone_weights=backbone_weights),
        summarise,
        draw,
        about=ABOUT,
        claims=claims,
    )


def main(_):
    names = tuple(f"{network}{kind}" for network in PAPERS for kind in ("", "_flow"))
    pretrained = command.parse_pretrained(flags.FLAGS.pretrained, names)
    given = pretrained or flags.FLAGS.backbone_weights
    if given and flags.FLAGS.scale == MINI:
        raise ValueError(f"Only networks of --scale=paper start from weights. Received: {given} at --scale=mini")
    command.command(experiment(pretrained, flags.FLAGS.backbone_weights))


EXPERIMENT = experiment({})

if __name__ == "__main__":
    command.define()
    flags.DEFINE_list("pretrained", [], "Weights of Kinetics, i3d=FILE,i3d_flow=FILE,s3d_g=FILE,s3d_g_flow=FILE.")
    flags.DEFINE_string("backbone_weights", "", "Of Keras' ResNet50 without its top, a file.")
    cli.run(main)
