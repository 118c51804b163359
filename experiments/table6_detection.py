"""Table 6: action detection on JHMDB and UCF-101-24; I3D and S3D-G inside of Faster R-CNN, with RGB, flow and both.

    python experiments/table6_detection.py --output_dir=results/mini/table6_detection

15 detectors of I3D, S3D-G and I2D on the embedded detection set, whose actors differ only in how they move. They start
from 12 networks of embedded motions, of which Tables 1, 4 and 5 have nine, and their proposals from Table 1's I2D of
looks. About 50 minutes on two cores, of which TV-L1 takes four. Expected, frame-mAP of RGB / flow / both: S3D-G 70 to
90 / 97 / 95, I3D 27 to 86 / 93 to 98 / 100, and I2D 28 (it finds all and guesses their classes) / 87 to 90 / 100.

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
import statistics
from collections.abc import Mapping, Sequence

from absl import flags

from experiments import command, figures, judgement, paper, spread, table4_flow, tables
from experiments import scale as scales
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
COLOURS = ("#2b7a4b", "#8a7bc8", "#d9822b", "#5aa9b5", "#9a9a9a", "#d8d4ca")  # of `ERRORS`
LEAST, FAR_BELOW, FOUND, NAMED = 0.7, 0.5, 0.9, 0.1


def plan(scale: Scale, pretrained: Mapping[str, str]) -> list[Entry]:
    """Each network with each kind of streams on each set; with all seeds at the mini scale on RGB, else with the first.
    Networks that detectors start from are entries too.

    Args:
        scale: see `Scale`.
        pretrained: network, or network_flow -> weights to start from instead of training on the first set.

    Raises:
        ValueError: no weights for the proposals' network where they are needed.
    """
    starts: dict[Part, Entry] = {}
    proposals: dict[str, Part | str] = dict(backbone_weights=scale.backbone_weights)
    if scale.name == MINI:
        proposals = dict(backbone=scale.part(LOOKS, "i2d"))
        starts[proposals["backbone"]] = _start(scale, LOOKS, proposals["backbone"])
    elif not (scale.backbone_weights or scale.dry_run):
        raise ValueError("Detectors need ImageNet's weights, --backbone_weights=FILE. Received: none")
    detectors = []
    for data in {scale.key(each): each for each in DETECTED}.values():
        for network in NETWORKS if scale.name == MINI else PAPERS:
            for kind, streams in STREAMS.items():
                for seed in scale.seeds if (scale.name, kind) == (MINI, "rgb") else scale.seeds[:1]:
                    begins = _begins(scale, network, streams, seed, pretrained)
                    part = scale.detection_part(data, network, seed, streams=streams, **begins, **proposals)
                    detectors.append(Entry(scale.key(data), f"{network}_{kind}", part, about=dict(streams=kind)))
                    starts |= {each: _start(scale, FIRST[each.recipe.stream], each) for each in part.begins_from}
    return [*starts.values(), *detectors]


def _start(scale: Scale, data: Data, part: Part) -> Entry:
    return Entry(scale.key(data), part.recipe.network, part, about=dict(stream=part.recipe.stream))


def _begins(scale: Scale, network: str, streams: Sequence[str], seed: int, pretrained: Mapping[str, str]) -> dict:
    """What the streams of a detector start from, as arguments of `Scale.detection_part`."""
    if pretrained:
        named = dict(rgb=("weights", network), flow=("flow_weights", f"{network}_flow"))
        return {named[stream][0]: pretrained[named[stream][1]] for stream in streams}
    changes = dict(rgb={}, flow=table4_flow.flow_changes(scale))
    return dict(begins_from=tuple(scale.part(FIRST[stream], network, seed, **changes[stream]) for stream in streams))


def summarise(lines: list[dict]) -> dict:
    """`rows`: network, streams, data set; the spread over seeds, or splits, of `frame_map` and of each `video_map`, the
    means of the `errors`, of `found` and `named`, and the paper's. `before`: network, stream and data set that they
    start from, and the spread of its `top1`."""
    found: dict[tuple, list[dict]] = {}
    before: dict[tuple, list[float]] = {}
    for line in lines:
        if "streams" in line:
            found.setdefault((scales.set_of(line["data"]), line["network"], line["streams"]), []).append(line[FORWARDS])
        else:
            before.setdefault((line["network"], line["stream"], line["data"]), []).append(line[FORWARDS]["top1"])
    rows = []
    for (data, network, streams), some in found.items():
        row = dict(network=network, streams=streams, data=data, classes=some[0]["classes"])
        row |= {key: [each[key] for each in some] for key in ("true_boxes", "true_tubes", "videos")}
        row["frame_map"] = spread.spread(each["frame_map"] for each in some)
        row["video_map"] = {key: spread.spread(each["video_map"][key] for each in some) for key in VIDEO_MAP}
        row["errors"] = {kind: statistics.fmean(each["errors"][kind] for each in some) for kind in ERRORS}
        named = [each["named"] for each in some if each["named"] is not None]
        row["found"] = statistics.fmean(each["found"] for each in some)
        row["named"] = statistics.fmean(named) if named else None
        known = paper.TABLE6.get(network, {}) if streams == "both" else {}
        rows.append(row | dict(paper={name: known[name] for name in STANDS_FOR[data] if name in known}))
    heads = ("network", "stream", "data", "top1")
    starts = [dict(zip(heads, (*key, spread.spread(values)), strict=True)) for key, values in before.items()]
    return dict(rows=rows, before=starts)


def claims(result: dict) -> list[Claim]:
    """S3D-G finds the embedded actors and what they do, I2D only where they are; S3D-G is not below I3D on any set."""
    found: dict[str, dict] = {}
    for row in result["rows"]:
        found.setdefault(row["data"], {})[row["network"], row["streams"]] = row
    told = []
    for data, rows in found.items():
        if ("i2d", "rgb") in rows:
            told += [*_mini_claims(rows), _not_below(rows, "rgb", "the embedded actors")]
        else:
            told.append(_not_below(rows, "both", scales.title_of(data, result["scale"]["titles"])))
    return told


def _mini_claims(rows: Mapping[tuple[str, str], dict]) -> list[Claim]:
    s3d_g, i2d, i2d_flow = rows["s3d_g", "rgb"], rows["i2d", "rgb"], rows["i2d", "flow"]
    tops = [row["frame_map"]["mean"] for row in (s3d_g, i2d, i2d_flow)]
    told = [f"{tables.percent(row['frame_map'])} %" for row in (s3d_g, i2d, i2d_flow)]
    chance, named = 1 / len(i2d["classes"]), i2d["named"] or 0.0
    return [
        judgement.claim(f"S3D-G on RGB has a frame-mAP of at least {LEAST * 100:.0f} %.", told[0], tops[0] >= LEAST),
        judgement.claim(
            "I2D on RGB has less than half of S3D-G's frame-mAP: it does not see how actors move.",
            f"I2D {told[1]}, S3D-G {told[0]}",
            tops[1] < FAR_BELOW * tops[0],
        ),
        judgement.claim(
            f"I2D on RGB finds at least {FOUND * 100:.0f} % of the actors, and names as many of them rightly as chance "
            f"does, within {NAMED * 100:.0f} points: it sees where, not what.",
            f"found {i2d['found'] * 100:.1f} %, of these named {named * 100:.1f} %; chance {chance * 100:.0f} %",
            i2d["found"] >= FOUND and judgement.within(named, chance - NAMED, chance + NAMED),
        ),
        judgement.claim(
            "I2D on flow, which shows the direction in a single frame, has more than twice its frame-mAP on RGB.",
            f"flow {told[2]}, RGB {told[1]}",
            tops[1] < FAR_BELOW * tops[2],
        ),
    ]


def _not_below(rows: Mapping[tuple[str, str], dict], kind: str, where: str) -> Claim:
    """Over seeds beyond their spread; over splits, which both networks have in common, the means alone."""
    pair = [(NETWORKS[name], rows[name, kind]["frame_map"]) for name in ("s3d_g", "i3d")]
    text = f"On {where}, {TITLES[kind]}: S3D-G's frame-mAP is not below I3D's"
    if kind == "rgb":
        return judgement.order(f"{text} beyond the spread. The paper: 2.0 and 2.5 points above.", *pair)
    first, second = (found["mean"] for _, found in pair)
    return judgement.claim(f"{text}.", judgement.difference(*pair), first >= second)


def draw(result: dict) -> dict[str, bytes]:
    """`table.md`, a row a network, streams and data set; and `figure`, what each detector's errors cost."""
    titles, is_mini = result["scale"]["titles"], result["scale"]["name"] == MINI
    heads = ["network", "streams", "data", "frame-mAP", *(f"video-mAP {each}" for each in VIDEO_MAP)]
    heads += ["found", "of these named", "paper: JHMDB", "paper: UCF-101-24"]
    rows = [
        [NETWORKS[row["network"]], TITLES[row["streams"]], scales.title_of(row["data"], titles)]
        + [tables.percent(each) for each in (row["frame_map"], *row["video_map"].values())]
        + [tables.number(row[key] and row[key] * 100) for key in ("found", "named")]
        + [tables.number(row["paper"].get(name)) for name in ("jhmdb", "ucf101_24")]
        for row in result["rows"]
    ]
    seeds = len(result["scale"]["seeds"])
    over = f"{seeds} seed{'s' * (seeds > 1)} of RGB, one of the others" if is_mini else "splits"
    page = tables.page(result, tables.markdown(heads, rows), _notes(result), over=over)
    return {"table.md": page} | figures.encode(_figure(result, titles), "figure")


def _notes(result: dict) -> list[str]:
    titles = result["scale"]["titles"]
    before = []
    for each in result["before"]:
        name = f"{NETWORKS[each['network']]}, {TITLES[each['stream']]}, {titles[each['data']]}"
        before.append(f"{name}: {tables.percent(each['top1'])} %")
    sets = {row["data"]: row for row in result["rows"]}
    counts = "; ".join(_counts(row, scales.title_of(data, titles)) for data, row in sets.items())
    return [
        "frame-mAP: at an overlap of 0.5, over all frames of all videos. video-mAP: of linked boxes, at the overlaps "
        "in the heads. Found: actors that a detection of any class overlaps by a half; named: of these, whose best one "
        f"has the right class. {counts}.",
        "The paper's numbers stand beside both streams, whose features Gu et al. 2018 average.",
        *([f"What they start from, top-1: {'; '.join(before)}."] if before else []),
    ]


def _counts(row: dict, title: str) -> str:
    """How much was looked at, and what a detector would have that gave every class to every actor."""
    keys, number = ("true_boxes", "true_tubes", "videos"), len(row["classes"])
    boxes, actors, videos = (" + ".join(map(str, dict.fromkeys(row[key]))) for key in keys)
    return (
        f"{judgement.sentence(title)}: {boxes} boxes of {actors} actors in {videos} videos; a detector that gave all "
        f"{number} classes to every actor would have about {100 / number:.0f} %"
    )


def _figure(result: dict, titles: Mapping[str, str]):
    """A bar for each detector, split up into what it has right and what each kind of error costs."""
    rows = list(reversed(result["rows"]))
    figure = figures.new(7.5, 1.3 + 0.34 * len(rows))
    axes = figure.add_subplot()
    names = [f"{NETWORKS[row['network']]}, {TITLES[row['streams']]}" for row in rows]
    if len({row["data"] for row in rows}) > 1:
        names = [f"{name}, {scales.title_of(row['data'], titles)}" for name, row in zip(names, rows, strict=True)]
    left = [0.0] * len(rows)
    for kind, colour in zip(ERRORS, COLOURS, strict=True):
        shares = [row["errors"][kind] * 100 for row in rows]
        axes.barh(range(len(rows)), shares, left=left, color=colour, label=kind, height=0.72)
        left = [one + other for one, other in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlim=(0, 100), xlabel="per cent of the area over recall, mean over classes")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(ERRORS), frameon=False, fontsize=8)
    return figure


ABOUT = About(
    question="An action detector says who does what and where. The paper puts its networks into Faster R-CNN: a 2D "
    "network proposes boxes in a frame, and a video network looks at what happens in them in the 20 frames around. "
    "With S3D-G inside it is 2.0 and 2.5 points better than with I3D.",
    shows="Videos of one to three actors, patches through which a texture drifts: the direction is their class, and no "
    "single frame says anything of it. So a network that looks at frames one by one (I2D) should find them and only "
    "guess what they do, unless it is shown flow, whose single frames show the direction; one that looks at several "
    "frames should find both. The figure splits up what each detector gets wrong: an actor that is taken for another "
    "one in its frame counts as a wrong place (localisation). Networks start from those that were trained on whole "
    "videos of motions, as the paper's start from Kinetics.",
    leaves_open="Which of I3D and S3D-G detects better in real videos, where actors are told by their looks and by "
    "what they hold too, and whether both streams together are better than each.",
)


def experiment(pretrained: Mapping[str, str]) -> Experiment:
    """The experiment, on the first sets too unless all networks start from other weights."""
    return Experiment(
        "table6_detection",
        "Table 6: action detection",
        DETECTED if pretrained else (*FIRST.values(), LOOKS, *DETECTED),
        functools.partial(plan, pretrained=pretrained),
        summarise,
        draw,
        about=ABOUT,
        claims=claims,
    )


def main(_):
    names = tuple(f"{network}{kind}" for network in PAPERS for kind in ("", "_flow"))
    pretrained = command.parse_pretrained(flags.FLAGS.pretrained, names)
    command.check_given_weights(pretrained=flags.FLAGS.pretrained)
    command.command(experiment(pretrained))


EXPERIMENT = experiment({})

if __name__ == "__main__":
    command.define()
    flags.DEFINE_list("pretrained", [], "Weights of Kinetics, i3d=FILE,i3d_flow=FILE,s3d_g=FILE,s3d_g_flow=FILE.")
    cli.run(main)
