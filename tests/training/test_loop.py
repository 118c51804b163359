"""The training step against numbers worked out without it."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.networks import build_model
from s3d_tf.training import loop, recipes
from tests.conftest import ROOT

RECIPE = recipes.recipe(
    "embedded", batch_size=4, steps=50, learning_rates=(0.05,), boundaries=(), num_frames=8, dropout=0.0
)


def make_trainer(recipe=RECIPE, devices=("/cpu:0",), freeze_norm=False, network="i2d"):
    def build():
        keras.utils.set_random_seed(1)
        model = build_model(network, 3, width=0.1, dropout=recipe.dropout, norm_momentum=0.9)
        rng = np.random.default_rng(1)
        for v in model.trainable_variables:  # large enough to tell gradients from rounding, with frozen norms too
            if v.name == "kernel":
                v.assign(rng.normal(0, np.sqrt(2 / np.prod(v.shape[:-1])), v.shape))
        for layer in model._flatten_layers():
            if freeze_norm and isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
        return model

    return loop.Trainer(recipe, build, tf.distribute.MirroredStrategy(list(devices)))


def batches(recipe=RECIPE, size=32):
    rng = np.random.default_rng(0)
    count = 5 * recipe.batch_size
    clip = rng.integers(0, 256, (count, recipe.num_frames, size, size, 3), dtype=np.uint8)
    label = rng.integers(0, 3, count)
    return tf.data.Dataset.from_tensor_slices(dict(clip=clip, label=label)).batch(recipe.batch_size).repeat()


def test_one_step_is_sgd_on_the_mean_cross_entropy_with_weight_decay():
    recipe = recipes.recipe("embedded", batch_size=4, num_frames=8, dropout=0.0, weight_decay=0.1)
    trainer = make_trainer(recipe, freeze_norm=True)
    before = {v.path: v.numpy() for v in trainer.model.trainable_variables}
    # In maps of a few pixels several maxima are equal, and some of TensorFlow's kernels choose one, others all.
    batch = next(iter(batches(recipe, size=128)))

    @tf.function
    def by_hand():
        variables = [v.value for v in trainer.model.trainable_variables]
        with tf.GradientTape() as tape:
            logits = trainer.model(tf.cast(batch["clip"], tf.float32) / 127.5 - 1, training=True)
            decay = sum(tf.nn.l2_loss(v.value) for v in trainer.model.trainable_variables if v.name == "kernel")
            entropy = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
            loss = tf.reduce_mean(entropy) + 0.1 * decay
        return tf.reduce_mean(entropy), tape.gradient(loss, variables)

    entropy, expected = by_hand()
    report = trainer.train(trainer.distribute(batches(recipe, size=128)), 1)
    assert report.step == 1
    np.testing.assert_allclose(report.loss, entropy, rtol=1e-5)
    for variable, gradient in zip(trainer.model.trainable_variables, expected, strict=True):
        moved = before[variable.path] - variable.numpy()
        np.testing.assert_allclose(moved, 0.1 * np.asarray(gradient), rtol=1e-3, atol=1e-5, err_msg=variable.path)


def test_the_loss_of_a_repeated_batch_goes_down():
    trainer = make_trainer()
    iterator = trainer.distribute(batches().take(1).repeat())
    losses = [trainer.train(iterator, 5).loss for _ in range(4)]
    assert losses[-1] < 0.5 * losses[0]


def test_several_steps_in_one_call_equal_single_steps():
    one, many = make_trainer(), make_trainer()
    iterator = one.distribute(batches())
    losses = [one.train(iterator, 1).loss for _ in range(3)]
    report = many.train(many.distribute(batches()), 3)
    np.testing.assert_allclose(report.loss, np.mean(losses), rtol=1e-5)
    for a, b in zip(one.model.variables, many.model.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6, err_msg=a.path)


def test_a_loss_that_is_no_number_stops_the_run():
    trainer = make_trainer()
    trainer.model.get_layer("Conv2d_0c_1x1").bias.assign([np.nan] * 3)
    with pytest.raises(FloatingPointError, match="The loss became nan"):
        trainer.train(trainer.distribute(batches()), 1)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"multiple of the 2 replicas. Received: 5"):
        script = "import tests.training.test_loop as t; t.two_devices(5)"
        run_with_two_cpus(script)


def two_devices(batch_size=6):
    """In a process of its own: logical CPUs must be asked for before TensorFlow has used the CPU."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    recipe = recipes.recipe(
        *("embedded",), batch_size=batch_size, learning_rates=(0.01,), boundaries=(), num_frames=8, dropout=0.0
    )
    weights = []
    for devices in (["/cpu:0", "/cpu:1"], ["/cpu:0"]):
        trainer = make_trainer(recipe, devices, freeze_norm=True, network="s3d_g")
        start = [v.numpy() for v in trainer.model.trainable_variables]
        trainer.train(trainer.distribute(batches(recipe)), 5)
        weights.append([v.numpy() for v in trainer.model.trainable_variables])
    difference = max(abs(a - b).max() for a, b in zip(*weights, strict=True))
    moved = max(abs(a - b).max() for a, b in zip(weights[0], start, strict=True))
    print(f"difference {difference} moved {moved}")


def run_with_two_cpus(script):
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=300)
    if process.returncode:
        raise ValueError(process.stderr.splitlines()[-1])
    return process.stdout.split()


def test_two_devices_of_three_clips_equal_one_of_six():
    _, difference, _, moved = run_with_two_cpus("import tests.training.test_loop as t; t.two_devices()")
    assert float(moved) > 1e-2
    assert float(difference) < 1e-5
