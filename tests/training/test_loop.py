"""The training step against numbers worked out without it."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import listing, pipeline, prepare, synthetic
from s3d_tf.networks import build_model
from s3d_tf.training import evaluate, loop, recipes
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach
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
            else:
                v.assign(rng.normal(0, 0.1, v.shape))  # so that decay would be seen where none belongs
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
    recipe = recipes.recipe("embedded", batch_size=4, num_frames=8, dropout=0.0, weight_decay=1.0)
    trainer = make_trainer(recipe, freeze_norm=True)
    before = {v.path: v.numpy() for v in trainer.model.trainable_variables}
    batch = next(iter(batches(recipe, size=64)))

    @tf.function
    def by_hand():
        variables = [v.value for v in trainer.model.trainable_variables]
        with tf.GradientTape() as tape:
            logits = trainer.model(tf.cast(batch["clip"], tf.float32) / 127.5 - 1, training=True)
            decay = sum(tf.nn.l2_loss(v.value) for v in trainer.model.trainable_variables if v.name == "kernel")
            entropy = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
            loss = tf.reduce_mean(entropy) + decay
        return tf.reduce_mean(entropy), tape.gradient(loss, variables)

    entropy, expected = by_hand()
    report = trainer.train(trainer.distribute(batches(recipe, size=64)), 1)
    assert report.step == 1
    np.testing.assert_allclose(report.loss, entropy, rtol=1e-5)
    # Below a max-pool, rounding decides which of two near maxima the gradient goes to: compared above the last one.
    above = ("Mixed_5c/Branch_0/", "Mixed_5c/Branch_1/", "Mixed_5c/Branch_2/", "Conv2d_0c_1x1/")
    compared = 0
    for variable, gradient in zip(trainer.model.trainable_variables, expected, strict=True):
        moved = before[variable.path] - variable.numpy()
        assert np.abs(moved).max() > 0, variable.path
        if variable.path.startswith(above):
            wanted = 0.1 * np.asarray(gradient)
            assert np.linalg.norm(moved - wanted) < 1e-3 * np.linalg.norm(wanted), variable.path
            compared += 1
    assert compared == 7


def test_the_loss_of_a_repeated_batch_goes_down():
    trainer = make_trainer()
    iterator = trainer.distribute(batches().take(1).repeat())
    losses = [trainer.train(iterator, 5).loss for _ in range(4)]
    assert losses[-1] < 0.5 * losses[0]


def test_several_steps_in_one_call_equal_single_steps():
    trainer = make_trainer()
    variables = [*trainer.model.variables, *trainer.optimizer.variables]
    start = [v.numpy() for v in variables]
    iterator = trainer.distribute(batches())
    losses = [trainer.train(iterator, 1).loss for _ in range(3)]
    singly = [v.numpy() for v in variables]
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    report = trainer.train(trainer.distribute(batches()), 3)
    np.testing.assert_allclose(report.loss, np.mean(losses), rtol=1e-5)
    for variable, value in zip(variables, singly, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6, err_msg=variable.path)


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


def two_evaluations(records):
    """As `two_devices`: a split of short and long videos, shown to a network on two devices and on one."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    split = pipeline.open_split(records, "val")
    rows = []
    for devices in (["/cpu:0", "/cpu:1"], ["/cpu:0"]):
        trainer = make_trainer(devices=devices)
        attach(trainer.model, Preprocessing(resize=(40, 40), crop=32))
        options = dict(at_least=14, batch_size=4, strategy=trainer.strategy)
        _, predictions = evaluate.evaluate(trainer.model, split, **options)
        rows.append(dict(zip(predictions.media_ids, predictions.logits, strict=True)))
    difference = max(abs(rows[0][name] - rows[1][name]).max() for name in rows[1])
    print(f"difference {difference} videos {len(rows[0])} {len(rows[1])}")


def test_two_devices_evaluate_short_and_long_videos_as_one_does(tmp_path):
    for frames in (12, 20):
        spec = synthetic.SyntheticSet(classes=("zoom_in", "zoom_out"), num_train=2, num_val=5, num_frames=frames)
        synthetic.write_set(spec, tmp_path / str(frames))
    rows = [f"{p},{p.parent.name},val" for p in sorted(tmp_path.glob("*/val/*/*.avi"))]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    items = listing.list_csv(tmp_path / "list.csv")
    listed = listing.Listing(items, listing.class_names(items))
    prepare.prepare(listed, tmp_path / "records", prepare.Settings(size=(40, 40)))
    script = f"import tests.training.test_loop as t; t.two_evaluations({str(tmp_path / 'records')!r})"
    _, difference, _, two, one = run_with_two_cpus(script)[-5:]
    assert (two, one) == ("10", "10")
    assert float(difference) < 1e-5


def run_with_two_cpus(script):
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=300)
    if process.returncode:
        raise ValueError(process.stderr.splitlines()[-1])
    return process.stdout.split()


def test_two_devices_of_three_clips_equal_one_of_six():
    _, difference, _, moved = run_with_two_cpus("import tests.training.test_loop as t; t.two_devices()")
    assert float(moved) > 1e-2
    assert float(difference) < 1e-5
