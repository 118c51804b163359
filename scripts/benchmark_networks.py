"""How fast the networks are: forward and training step, beside what the machine can do and what others reach on it.

    python scripts/benchmark_networks.py --torch_python=PYTHON --openvino_python=PYTHON --output=benchmark.json
    python scripts/benchmark_networks.py --networks=s3d --repeats=1 --forward_clip=1,16,112 --train_clip=1,8,64

Everything of a part runs in turn, `--repeats` rounds after one that does not count, in one run and on equal threads;
seconds are medians, and "x s3d" is the median over the rounds of the ratio to the first network. About 6 minutes on two
cores. The ceilings, measured in the same rounds as the forwards:

    matmul   the fastest of several float32 products, 1024x1024x1024 to 25088x576x192
    Conv3D   the fastest of the first network's own convs, each alone
    convs    all of the first network's convs, each alone, one after the other: no norm, no pooling, warm caches

torchvision's S3D does 5 % more than ours: 71.92 G multiply-adds a clip of 64x224x224 to 68.18 (docs/networks.md).
"""

from __future__ import annotations

import sys
from pathlib import Path

from absl import flags

from s3d_tf import cli, machine
from s3d_tf.analysis import speed
from s3d_tf.files import write_json

NETWORKS = flags.DEFINE_list(
    "networks", ["s3d", "s3d_g", "i3d", "i2d"], "What to time; the rest is compared to the first."
)
PARTS = flags.DEFINE_list("parts", ["forward", "train"], "forward (with the ceilings), train, or both.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Rounds that count.", lower_bound=1)
THREADS = flags.DEFINE_integer("threads", None, "Of everything that is timed; the cores of this process by default.")
FORWARD_CLIP = flags.DEFINE_list("forward_clip", ["1", "64", "224"], "Batch, frames, pixels.")
TRAIN_CLIP = flags.DEFINE_list("train_clip", ["2", "32", "112"], "Batch, frames, pixels.")
TORCH = flags.DEFINE_string("torch_python", sys.executable, "A Python with torchvision; empty for none.")
OPENVINO = flags.DEFINE_string("openvino_python", sys.executable, "A Python with openvino; empty for none.")
OUTPUT = flags.DEFINE_string("output", None, "Where to write all of it as JSON.")


def main(_):
    clips = dict(forward=clip_of(FORWARD_CLIP), train=clip_of(TRAIN_CLIP))
    if not NETWORKS.value or not PARTS.value:
        raise ValueError(f"Name networks and parts. Received: networks={NETWORKS.value}, parts={PARTS.value}")
    if unknown := set(PARTS.value) - set(clips):
        raise ValueError(f"parts are forward and train. Received: {', '.join(sorted(unknown))}")
    threads = THREADS.value or machine.cores()
    speed.use_threads(threads)
    pythons = dict(torch=TORCH.value, openvino=OPENVINO.value)
    result = dict(machine=machine.describe(), threads=threads, versions=machine.versions(), parts={})
    for part in PARTS.value:
        measure = {"forward": speed.forward, "train": speed.train}[part]
        measured = measure(NETWORKS.value, clips[part], threads, REPEATS.value, pythons)
        result["versions"] |= measured.pop("versions")
        result["parts"][part] = dict(clip=clips[part], **measured, **speed.summary(measured))
        print("\n".join(table(part, result["parts"][part])), flush=True)
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    print(f"\n{machine.one_line(result['machine'])}; {threads} threads each; {versions}")
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), result)


def clip_of(flag) -> tuple[int, int, int, int]:
    """Batch, frames, rows, columns."""
    numbers = tuple(int(text) if text.isdecimal() else 0 for text in flag.value)
    if len(numbers) != 3 or not all(n >= least for n, least in zip(numbers, (1, 8, 32), strict=True)):
        raise ValueError(
            f"A clip is batch, frames (8 or more) and pixels (32 or more). Received: {','.join(flag.value)}"
        )
    return (*numbers, numbers[-1])


def table(part: str, found: dict) -> list[str]:
    """A Markdown table, and below it the ceilings and what is missing."""
    first, limits = NETWORKS.value[0], found.get("ceilings", {})
    clip = "x".join(map(str, found["clip"]))
    title = {"forward": "forward", "train": "training step"}[part]
    heads = [f"{title}, {clip}", "seconds", f"x {first}", "G multiply-adds/s", *(f"of {name}" for name in limits)]
    lines = ["", f"| {' | '.join(heads)} |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for name, median in found["medians"].items():
        if name.startswith(("matmul ", "conv ")):
            continue
        rate = found["rates"].get(name)
        cells = [f"{median:.3f}", f"{found['ratios'][name]:.2f}", f"{rate / 1e9:.1f}" if rate else ""]
        cells += [f"{rate / limit:.0%}" if rate else "" for limit in limits.values()]
        lines.append(f"| {' | '.join([name, *cells])} |")
    lines.append("")
    for name, limit in limits.items():
        by = {"matmul": found["fastest"]["matmul"], "Conv3D": found["fastest"]["conv"]}
        lines.append(f"ceiling {name}: {limit / 1e9:.1f} G multiply-adds/s ({by.get(name, f'all convs of {first}')})")
    if part == "train":
        lines.append("A training step is counted as three forwards.")
    return lines + [f"{name} is missing: {why}" for name, why in found["missing"].items()]


if __name__ == "__main__":
    cli.run(main)
