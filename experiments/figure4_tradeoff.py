"""Figure 4: accuracy against multiply-adds of top- and bottom-heavy I3D and S3D over K.

    python experiments/figure4_tradeoff.py --output_dir=results/mini/figure4_tradeoff

38 trainings of one seed (19 networks on two sets; Tables 1 to 3 and Figure 7 have eight of them), about 25 minutes on
two cores. Writes figure.png, figure.svg and table.md. Expected: at equal K between 0 and 11 a top-heavy network costs
less than the bottom-heavy one and S3D less than I3D, exactly; on the motion set bottom-heavy networks near 80 to 90 %
and top-heavy ones at 14 to 26 %, little above I2D (K=0) at chance: other than in the paper, see `PIXELS`.

    python experiments/figure4_tradeoff.py --scale=paper --data_dirs=mini_kinetics=DIR,something_something=DIR

The paper: top-heavy above bottom-heavy at every cost on Mini-Kinetics and on Something-something, S3D above I3D; drawn
solid (top-heavy) and dotted (bottom-heavy), in a colour for each of I3D and S3D.
"""

from experiments import command, costs, figures, judgement, spread, tables
from experiments.claims import About, Claim
from experiments.experiment import Experiment
from experiments.part import FORWARDS
from experiments.scale import Data, Scale
from experiments.work import Entry

DATA = (Data("appearance", "mini_kinetics"), Data("eight_motions", "something_something"))
FAMILIES = {  # title, the full network, colour, line
    "top_heavy_i3d": ("Top-Heavy I3D", "i3d", "tab:blue", "-"),
    "bottom_heavy_i3d": ("Bottom-Heavy I3D", "i3d", "tab:blue", ":"),
    "top_heavy_s3d": ("Top-Heavy S3D", "s3d", "tab:orange", "-"),
    "bottom_heavy_s3d": ("Bottom-Heavy S3D", "s3d", "tab:orange", ":"),
}
UNITS = 11  # with which all is 3D
BETWEEN = (3, 5, 7, 9)
PIXELS = (
    "The motions of the embedded set are of about a pixel a frame: where a top-heavy network first sees time, many "
    "pixels have become one place. The paper's motions are those of things."
)


def network(family: str, k: int) -> str:
    """The network of a family with K; the ends are those that families share."""
    return {0: "i2d", UNITS: FAMILIES[family][1]}.get(k, f"{family}:{k}")


def plan(scale: Scale) -> list[Entry]:
    """Every network of the four curves on both sets, one seed; the ends of the curves once."""
    names = list(dict.fromkeys(network(family, k) for family in FAMILIES for k in (0, *BETWEEN, UNITS)))
    return [Entry(scale.key(data), name, scale.part(data, name, scale.seeds[0])) for data in DATA for name in names]


def summarise(lines: list[dict]) -> dict:
    """`curves`: of each data set and family its `points` (k, multiply_adds, params, top1) and the `spread` of top-1
    over the K between 0 and 11."""
    found = {(line["data"], line["name"]): line for line in lines}
    curves = []
    for data in dict.fromkeys(line["data"] for line in lines):
        for family in FAMILIES:
            points = []
            for k in (0, *BETWEEN, UNITS):
                line = found[data, network(family, k)]
                cost = dict(multiply_adds=line["multiply_adds"], params=line["params"])
                points.append(dict(k=k, network=line["name"], top1=line[FORWARDS]["top1"], **cost))
            over_k = spread.spread(point["top1"] for point in points if point["k"] in BETWEEN)
            chance = found[data, "i2d"][FORWARDS]["chance"]
            curves.append(dict(data=data, family=family, chance=chance, points=points, spread=over_k))
    return dict(curves=curves)


def claims(result: dict) -> list[Claim]:
    """Costs at equal K, exactly; on each set the mean over K of top-heavy above bottom-heavy, of S3D above I3D."""
    first = result["curves"][0]["data"]
    found = [
        _cheaper("A top-heavy network", "the bottom-heavy one", "top_heavy", "bottom_heavy", _curves(result, first)),
        _cheaper("An S3D", "the I3D", "s3d", "i3d", _curves(result, first)),
    ]
    for data in dict.fromkeys(curve["data"] for curve in result["curves"]):
        title = result["scale"]["titles"][data]
        means = {family: (FAMILIES[family][0], each["spread"]) for family, each in _curves(result, data).items()}
        title, moving = judgement.sentence(title), data == DATA[1].mini
        for kind in ("i3d", "s3d"):
            found.append(_above(title, means[f"top_heavy_{kind}"], means[f"bottom_heavy_{kind}"], moving))
        found.append(_above(title, means["top_heavy_s3d"], means["top_heavy_i3d"], moving))
    return found


def _curves(result: dict, data: str) -> dict[str, dict]:
    return {curve["family"]: curve for curve in result["curves"] if curve["data"] == data}


def _cheaper(name: str, other_name: str, part: str, other: str, curves: dict[str, dict]) -> Claim:
    """The costs at equal K between the ends of all families whose names differ in one part."""
    ratios = []
    for family in (family for family in curves if part in family):
        pairs = zip(curves[family]["points"], curves[family.replace(part, other)]["points"], strict=True)
        ratios += [one["multiply_adds"] / two["multiply_adds"] for one, two in pairs if one["k"] in BETWEEN]
    cheaper = sum(ratio < 1 for ratio in ratios)
    return judgement.claim(
        f"{name} costs fewer multiply-adds than {other_name} with the same K (0 < K < {UNITS}).",
        f"in {cheaper} of {len(ratios)} pairs; {min(ratios):.2f} to {max(ratios):.2f} of its cost",
        cheaper == len(ratios),
    )


def _above(title: str, first: tuple[str, dict], second: tuple[str, dict], moving: bool) -> Claim:
    """Whichever way it falls: the spread is told, and does not decide."""
    reason = judgement.likely_reason(first[1], second[1])
    if reason == judgement.UNKNOWN and judgement.not_below_beyond_spread(first[1], second[1]):
        reason = "The difference is within the spread over K, of one seed a network."
    elif reason == judgement.UNKNOWN and moving:
        reason = PIXELS
    text = f"{title}: the mean top-1 over K of {first[0]} is above that of {second[0]}."
    holds = first[1]["mean"] > second[1]["mean"]
    return judgement.claim(text, judgement.difference(first, second), holds, reason)


def draw(result: dict) -> dict[str, bytes]:
    """`figure.png` and `figure.svg`, a panel a data set, and `table.md`."""
    titles = result["scale"]["titles"]
    data = list(dict.fromkeys(curve["data"] for curve in result["curves"]))
    figure = figures.new(5.4 * len(data), 4.2)
    for axes, key in zip(figure.subplots(1, len(data), squeeze=False)[0], data, strict=True):
        for curve in result["curves"]:
            if curve["data"] == key:
                _draw_curve(axes, curve)
        chance = next(curve["chance"] for curve in result["curves"] if curve["data"] == key)
        axes.axhline(chance * 100, color="grey", linewidth=0.8, linestyle="--", label="chance")
        axes.set_title(titles[key])
        axes.set_xlabel("multiply-adds, billions, at 64x224x224")
        axes.set_ylabel("top-1, per cent")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    notes = [
        f"Costs: {costs.CONVENTION}.",
        "Numbers beside the points are K. Below: the mean of top-1 over K = 3, 5, 7 and 9 and its deviation.",
    ]
    page = tables.page(result, _points(result), [*notes, _means(result).rstrip()], over="one seed")
    return figures.encode(figure, "figure") | {"table.md": page}


def _draw_curve(axes, curve: dict) -> None:
    title, _, colour, line = FAMILIES[curve["family"]]
    billions = [point["multiply_adds"] / 1e9 for point in curve["points"]]
    tops = [point["top1"] * 100 for point in curve["points"]]
    axes.plot(billions, tops, line, color=colour, marker="o", markersize=4, label=title)
    for x, y, point in zip(billions, tops, curve["points"], strict=True):
        place = dict(textcoords="offset points", xytext=(0, 5 if line == "-" else -11))
        axes.annotate(f"{point['k']}", (x, y), fontsize=7, color=colour, **place)


def _points(result: dict) -> str:
    titles, rows = result["scale"]["titles"], []
    for curve in result["curves"]:
        for point in curve["points"]:
            billions, millions = point["multiply_adds"] / 1e9, point["params"] / 1e6
            numbers = [tables.number(value, 2) for value in (billions, millions)]
            head = [FAMILIES[curve["family"]][0], titles[curve["data"]], str(point["k"])]
            rows.append([*head, tables.number(point["top1"] * 100), *numbers])
    return tables.markdown(["family", "data", "K", "top-1", "G multiply-adds", "params M"], rows)


def _means(result: dict) -> str:
    titles = result["scale"]["titles"]
    rows = [
        [FAMILIES[curve["family"]][0], titles[curve["data"]], tables.percent(curve["spread"])]
        for curve in result["curves"]
    ]
    return tables.markdown(["family", "data", "top-1"], rows)


TITLE = "Figure 4: accuracy against multiply-adds"
ABOUT = About(
    question="Convs over time cost much. Are they needed everywhere? Of the network's 11 units, K have them: the top "
    "ones (top-heavy) or the bottom ones (bottom-heavy). The paper: top-heavy networks are both cheaper and better "
    "than bottom-heavy ones, and S3D, whose 3D convs are split into space and time, is better than I3D at every cost.",
    shows="The multiply-adds of all 19 networks at full size, exactly, and their accuracy on a set that single frames "
    "tell and on one whose class is a motion, with one seed a network.",
    leaves_open="Where convs over time are best on real videos. The paper argues that the top units see motions of "
    "things and not of pixels; here textures move and no things, so that this cannot show.",
)
EXPERIMENT = Experiment(
    "figure4_tradeoff", TITLE, DATA, plan, summarise, draw, with_costs=True, about=ABOUT, claims=claims
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
