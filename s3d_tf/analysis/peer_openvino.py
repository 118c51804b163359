"""OpenVINO on exported networks, timed on request by a `timing.Peer`. Run by path in a Python that has openvino.

    python s3d_tf/analysis/peer_openvino.py '{"threads": 2, "models": {"s3d": "FOLDER"}, "clip": [1, 64, 224, 224]}'

Each model is a SavedModel of one input, a float32 clip `[batch, frames, rows, columns, 3]`. It runs in float32, for
latency: one request on all the threads.
"""

import json
import sys
import time


def main(config: dict) -> None:
    try:
        import numpy as np
        import openvino as ov
    except ImportError as error:
        print(json.dumps(dict(error=f"openvino is not installed ({error})")), flush=True)
        return
    settings = dict(
        INFERENCE_NUM_THREADS=config["threads"],
        INFERENCE_PRECISION_HINT="f32",  # else bfloat16 where the CPU has it
        PERFORMANCE_HINT="LATENCY",
        ENABLE_HYPER_THREADING=True,  # else a virtual machine's threads may count as half the cores
    )
    clip = np.random.default_rng(0).uniform(-1, 1, (*config["clip"], 3)).astype(np.float32)
    requests = {}
    for name, path in config["models"].items():
        model = ov.Core().compile_model(ov.convert_model(path), "CPU", settings)
        requests[name] = model.create_infer_request()
    print(json.dumps(dict(versions=dict(openvino=ov.__version__), runs=list(requests))), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        requests[line.strip()].infer([clip])
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
