"""Figure 7: t-SNE of activations, of S3D from bottom to top, and of four networks at Max5a.

    python experiments/figure7_tsne.py --output_dir=results/mini/figure7_tsne

4 trainings on eight embedded motions, which Table 3 and Figure 4 have too; about 3 minutes on two cores without
those. Writes figure.png, figure.svg and table.md; needs the extra "plots". Each point is a video of the split "val":
its activations, averaged over space and time, all frames. Beside each panel stand the silhouette of the classes on the
map, and the share of videos whose nearest neighbour among the activations is of their class. Expected: S3D and
Bottom-Heavy S3D have the motions apart, S3D more so above Max3a; I2D and Top-Heavy S3D do not: where the latter first
sees time, 16 pixels have become one place, and the motions are of about a pixel a frame.

    python experiments/figure7_tsne.py --scale=paper --data_dirs=something_something=DIR

The paper: Something-something, coloured by ten groups of actions; classes separate more the higher the layer (a), and
at Max5a more in Top-Heavy S3D than in Bottom-Heavy S3D (b). Its Max3a to Max5c are our MaxPool_3a_3x3 to Mixed_5c. No
file of the data set says which actions a group holds: at the paper's scale the ten classes of most videos are shown,
100 videos of each.
"""

from experiments import command, figures, tables, tsne
from experiments.claims import About, Claim
from experiments.derivation import Derivation
from experiments.experiment import Experiment
from experiments.scale import Data, Scale
from experiments.work import Entry

DATA = (Data("eight_motions", "something_something"),)
DEPTHS = {  # endpoint -> how the paper calls such, bottom to top
    "MaxPool_3a_3x3": "Max3a",
    "MaxPool_4a_3x3": "Max4a",
    "Mixed_4d": "Mixed4d",
    "MaxPool_5a_2x2": "Max5a",
    "Mixed_5c": "Max5c",
}
LEVEL = "MaxPool_5a_2x2"
NETWORKS = {  # below Max5a five units of each heavy one see time
    "i2d": "I2D",
    "bottom_heavy_s3d:5": "Bottom-Heavy S3D (up to Mixed_4b)",
    "top_heavy_s3d:7": "Top-Heavy S3D (from Mixed_4b)",
    "s3d": "S3D",
}
DEEP = "s3d"
CLASSES, PER_CLASS = 10, 100


def plan(scale: Scale) -> list[Entry]:
    """The four networks, one seed."""
    key = scale.key(DATA[0])
    return [
        Entry(key, network, scale.part(DATA[0], network, scale.seeds[0]), derivations=(_maps(network),))
        for network in NETWORKS
    ]


def _maps(network: str) -> Derivation:
    endpoints = list(DEPTHS) if network == DEEP else [LEVEL]
    return Derivation("tsne", tsne.of_part, dict(endpoints=endpoints, classes=CLASSES, per_class=PER_CLASS))


def summarise(lines: list[dict]) -> dict:
    """`classes`, the names; `labels`, of each point its place among them; `panels`, (a) then (b): `row`, `network`,
    `endpoint`, the network's `top1`, and what `tsne.describe` says."""
    found = {line["name"]: line for line in lines}
    places = [("a", DEEP, endpoint) for endpoint in DEPTHS] + [("b", network, LEVEL) for network in NETWORKS]
    panels = [
        dict(row=row, network=network, endpoint=endpoint, top1=found[network]["forwards"]["top1"])
        | found[network]["tsne"]["maps"][endpoint]
        for row, network, endpoint in places
    ]
    first = lines[0]["tsne"]
    if any(line["tsne"]["labels"] != first["labels"] for line in lines):
        raise ValueError("The networks were not shown the same videos; delete the tsne-*.json of their parts.")
    return dict(classes=first["classes"], labels=first["labels"], panels=panels)


def draw(result: dict) -> dict[str, bytes]:
    """`figure.png` and `figure.svg`, S3D's depths above, the networks below, and `table.md`."""
    columns = max(len(DEPTHS), len(NETWORKS) + 1)  # the last one below is the legend's
    figure = figures.new(2.7 * columns, 6.4)
    grid = figure.subplots(2, columns)
    for number, row in enumerate("ab"):
        panels = [panel for panel in result["panels"] if panel["row"] == row]
        for axes, panel in zip(grid[number], panels, strict=False):
            _draw_panel(axes, panel, result["labels"], len(result["classes"]))
        for axes in grid[number][len(panels) :]:
            axes.axis("off")
    names = [name.replace("_", " ") for name in result["classes"]]
    handles = grid[0][0].collections
    grid[1][-1].legend(handles, names, loc="center left", frameon=False, markerscale=2, fontsize=9)
    for number, text in enumerate(("(a) S3D, from low to high", "(b) four networks at Max5a")):
        grid[number][0].set_ylabel(text, fontsize=11)
    notes = [
        "Points: videos of the split val, activations averaged over space and time. Silhouette: of the classes, 1 "
        "where each is a heap of its own, 0 where they lie in each other. Neighbours: the share of videos whose "
        "nearest neighbour among the activations is of their class, per cent."
    ]
    return figures.encode(figure, "figure") | {"table.md": tables.page(result, _table(result), notes, over="one seed")}


def _draw_panel(axes, panel: dict, labels: list[int], classes: int) -> None:
    for label in range(classes):
        points = [point for point, own in zip(panel["points"], labels, strict=True) if own == label]
        axes.scatter([x for x, _ in points], [y for _, y in points], s=9, color=f"C{label % 10}", linewidths=0)
    name = DEPTHS[panel["endpoint"]] if panel["row"] == "a" else NETWORKS[panel["network"]].split(" (")[0]
    numbers = f"silhouette {_number(panel['silhouette'])}, neighbours {panel['neighbours']:.0%}"
    axes.set_title(f"{name}\n{numbers}", fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def _table(result: dict) -> str:
    rows = [
        [
            f"({panel['row']}) {NETWORKS[panel['network']]}",
            DEPTHS[panel["endpoint"]],
            panel["endpoint"],
            _number(panel["silhouette"]),
            _number(panel["silhouette_features"]),
            f"{panel['neighbours'] * 100:.1f}",
            f"{panel['top1'] * 100:.1f}",
        ]
        for panel in result["panels"]
    ]
    heads = ["network", "level", "endpoint", "silhouette, map", "silhouette, activations", "neighbours", "top-1"]
    return tables.markdown(heads, rows)


def _number(value: float | None) -> str:
    return tables.number(value, 2)


def claims(result: dict) -> list[Claim]:
    """The paper's two sentences; at the mini scale also that I2D is at chance."""
    panels = {(panel["row"], panel["endpoint"], panel["network"]): panel for panel in result["panels"]}
    low, high = (panels["a", endpoint, DEEP] for endpoint in (next(iter(DEPTHS)), list(DEPTHS)[-1]))
    flat, bottom, top, _ = (panels["b", LEVEL, network] for network in NETWORKS)
    if any(panel["silhouette"] is None for panel in (low, high, bottom, top)):
        return []  # of a dry run: too few videos
    found = [
        Claim(
            "The paper: the classes separate more at Max5c of S3D than at Max3a (silhouette on the map).",
            f"Silhouette {_number(low['silhouette'])} at Max3a, {_number(high['silhouette'])} at Max5c; among the "
            f"activations themselves {_number(low['silhouette_features'])} and {_number(high['silhouette_features'])}",
            high["silhouette"] > low["silhouette"],
            "The motions of the embedded set are those of pixels: the first convs over time tell them apart, and "
            "little is left to be separated above.",
        ),
        Claim(
            "The paper: at Max5a they separate more in Top-Heavy S3D than in Bottom-Heavy S3D (silhouette on the map).",
            f"Silhouette {_number(top['silhouette'])} of Top-Heavy, {_number(bottom['silhouette'])} of Bottom-Heavy",
            top["silhouette"] > bottom["silhouette"],
            "The motions of the embedded set are of about a pixel a frame, and where Top-Heavy S3D first sees time, 16 "
            "pixels have become one place; the paper's actions are those of objects.",
        ),
    ]
    if result["scale"]["name"] != "mini":
        return [claim._replace(reason="") for claim in found]  # they are those of the embedded set
    chance = 1 / len(result["classes"])
    flat_claim = Claim(
        "I2D tells no motion from another at Max5a: at most 15 points more neighbours of a class than by chance.",
        f"{flat['neighbours']:.1%} of the nearest neighbours are of the same class; {chance:.1%} by chance",
        flat["neighbours"] <= chance + 0.15,
        "Single frames differ between the classes.",
    )
    return [*found, flat_claim]


ABOUT = About(
    question="Each point is a video, placed by t-SNE so that videos which look alike to the network lie together; its "
    "colour is what happens in it. Where in a network do actions become groups of their own? The paper finds that they "
    "separate more the higher one looks, and that a network which sees motion only in its upper half separates them "
    "better than one that sees it only in its lower half.",
    shows="The same maps of small networks that learnt eight motions (four drifts, two zooms, two turns), and beside "
    "each map two numbers that say how far the colours lie apart. A network that sees single frames cannot tell them "
    "apart.",
    leaves_open="The paper's comparison of the two halves rests on real actions, where motion must be seen of objects; "
    "here it is that of pixels. A t-SNE map shows who lies near whom, not true distances.",
)
TITLE = "Figure 7: t-SNE of activations"
EXPERIMENT = Experiment("figure7_tsne", TITLE, DATA, plan, summarise, draw, about=ABOUT, claims=claims)

if __name__ == "__main__":
    command.main(EXPERIMENT)
