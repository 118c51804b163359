"""Which devices a run uses."""

from __future__ import annotations

import tensorflow as tf


def make_strategy(num_replicas: int | None = None) -> tf.distribute.MirroredStrategy:
    """A `MirroredStrategy` over the GPUs of this machine, or over its logical CPUs when it has none.

    Args:
        num_replicas: how many of them; all by default. More CPUs than there are become logical CPUs, which must be
            asked for before TensorFlow has used the CPU.

    Raises:
        ValueError: more replicas than devices.
    """
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and num_replicas is not None and num_replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        if len(tf.config.get_logical_device_configuration(cpu) or ()) != num_replicas:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_replicas)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if num_replicas is not None and not 1 <= num_replicas <= len(devices):
        raise ValueError(f"num_replicas must be in [1, {len(devices)}] on this machine. Received: {num_replicas}")
    return tf.distribute.MirroredStrategy(devices[: num_replicas or len(devices)])
