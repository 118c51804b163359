"""Which devices a run uses: those of this machine, or of all machines that TF_CONFIG names."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping

import tensorflow as tf

PEER_TIMEOUT = 600.0
"""Seconds to wait for the other workers."""


def make_strategy(num_replicas: int | None = None, peer_timeout: float = PEER_TIMEOUT) -> tf.distribute.Strategy:
    """A `MirroredStrategy` over the GPUs of this machine, or over its logical CPUs when it has none; under a TF_CONFIG
    of several workers a `MultiWorkerMirroredStrategy` over theirs.

    Args:
        num_replicas: how many of this machine's; all by default. More CPUs than there are become logical CPUs, which
            must be asked for before TensorFlow has used the CPU.
        peer_timeout: seconds to wait for the other workers; then the process ends with a sentence and status 1, as
            TensorFlow's own wait has no end.

    Raises:
        ValueError: more replicas than devices, or a TF_CONFIG that makes no sense.
    """
    cluster, index = read_cluster(os.environ)
    if len(cluster) > 1:
        if num_replicas is not None:
            raise ValueError(f"With TF_CONFIG every worker uses all its devices. Received: num_replicas={num_replicas}")
        options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=peer_timeout)
        with _watched(cluster, index, peer_timeout):
            return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and num_replicas is not None and num_replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        if len(tf.config.get_logical_device_configuration(cpu) or ()) != num_replicas:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_replicas)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if num_replicas is not None and not 1 <= num_replicas <= len(devices):
        raise ValueError(f"num_replicas must be in [1, {len(devices)}] on this machine. Received: {num_replicas}")
    return tf.distribute.MirroredStrategy(devices[: num_replicas or len(devices)])


def read_cluster(environment: Mapping[str, str]) -> tuple[list[str], int]:
    """The workers' addresses and which of them this process is; none where TF_CONFIG is not set.

    Raises:
        ValueError: a TF_CONFIG that makes no sense.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return [], 0
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        index = task["index"]
        good = task["type"] == "worker" and set(config["cluster"]) == {"worker"} and 0 <= int(index) < len(workers)
        good = good and all(isinstance(address, str) and _port(address) for address in workers)
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise ValueError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}. '
            f"Received: {text[:300]}"
        )
    return workers, int(index)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files of the run."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_type or resolver.task_id == 0


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Processes that train together."""
    resolver = strategy.cluster_resolver
    return len(resolver.cluster_spec().as_dict().get("worker", [0])) if resolver else 1


@contextlib.contextmanager
def _watched(cluster: list[str], index: int, timeout: float) -> Iterator[None]:
    """Ends the process when the others have not come in time: the main thread waits in native code, without an end."""

    def give_up() -> None:
        silent = [address for number, address in enumerate(cluster) if number != index and not _answers(address)]
        who = f"Cannot reach {', '.join(silent)}" if silent else "The workers did not find together"
        message = f"{who} within {timeout:g} s (--peer_timeout); start every worker of TF_CONFIG with the same command."
        print(f"\nerror: {message} Received: worker {index} of {', '.join(cluster)}", file=sys.stderr, flush=True)
        os._exit(1)

    timer = threading.Timer(timeout, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), timeout=2):
        return True
    return False


def _port(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536
