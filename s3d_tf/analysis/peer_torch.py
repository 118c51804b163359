"""torchvision's S3D, timed on request by a `timing.Peer`. Run by path in a Python that has torch.

    python s3d_tf/analysis/peer_torch.py '{"threads": 2, "part": "forward", "clip": [1, 64, 224, 224]}'

The clip is `[batch, frames, rows, columns]`. Part "train" is a training step: cross-entropy of 400 classes and SGD with
momentum 0.9, as ours.
"""

import json
import sys
import time

LAYOUTS = {"contiguous": "contiguous_format", "channels_last_3d": "channels_last_3d"}


def main(config: dict) -> None:
    try:
        import torch
        import torchvision
    except ImportError as error:
        print(json.dumps(dict(error=f"torchvision is not installed ({error})")), flush=True)
        return
    torch.set_num_threads(config["threads"])
    make = {"forward": make_forward, "train": make_step}[config["part"]]
    runs = {name: make(config["clip"], getattr(torch, layout)) for name, layout in LAYOUTS.items()}
    for run in runs.values():
        run()
    versions = dict(torch=torch.__version__, torchvision=torchvision.__version__)
    print(json.dumps(dict(versions=versions, runs=list(runs))), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        runs[line.strip()]()
        print(time.perf_counter() - start, flush=True)


def make_forward(clip, layout):
    import torch

    model, pixels = network_and_clip(clip, layout)
    model.eval()

    def run():
        with torch.inference_mode():
            model(pixels)

    return run


def make_step(clip, layout):
    import torch

    model, pixels = network_and_clip(clip, layout)
    model.train()
    labels = torch.arange(clip[0]) % 400
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-7)

    def run():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(pixels), labels).backward()
        optimizer.step()

    return run


def network_and_clip(clip, layout):
    import torch
    from torchvision.models.video import s3d

    torch.manual_seed(0)
    batch, frames, rows, columns = clip
    model = s3d()
    last = (
        -(-frames // 4) // 2,
        -(-rows // 16) // 2,
        -(-columns // 16) // 2,
    )  # its padded pools round up, its last down
    kernel = (min(2, last[0]), min(7, last[1]), min(7, last[2]))  # its own (2, 7, 7) is for 224 pixels alone
    model.avgpool = torch.nn.AvgPool3d(kernel, stride=1)
    pixels = torch.rand(batch, 3, frames, rows, columns) * 2 - 1
    return model.to(memory_format=layout), pixels.contiguous(memory_format=layout)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
