"""The training step against numbers worked out without it."""

import dataclasses
import os
import signal
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import listing, prepare, synthetic
from s3d_tf.data.split import open_split
from s3d_tf.networks import build_model
from s3d_tf.training import evaluate, loop, optimizer, recipes, sharing, stopping
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach

RECIPE = recipes.recipe(
    "embedded", batch_size=4, steps=50, learning_rates=(0.05,), boundaries=(), num_frames=8, dropout=0.0, clip_norm=0.0
)


def make_smooth_trainer(recipe, devices):
    """With norms and dropout, and a loss without corners: max-pools and norms over few clips let one unit of rounding
    turn a whole step of the paper's networks, so two ways of adding up could not be compared."""

    def build():
        keras.utils.set_random_seed(1)
        layers = []
        for filters, strides in ((8, 2), (16, 2)):
            layers += [keras.layers.Conv3D(filters, 3, strides, use_bias=False), keras.layers.BatchNormalization()]
            layers += [keras.layers.Activation("tanh")]
        layers += [keras.layers.GlobalAveragePooling3D(), keras.layers.Dropout(recipe.dropout), keras.layers.Dense(3)]
        return keras.Sequential([keras.Input((recipe.num_frames, 32, 32, 3)), *layers])

    return loop.Trainer(recipe, build, tf.distribute.MirroredStrategy(list(devices)))


def make_trainer(recipe=RECIPE, devices=("/cpu:0",), freeze_norm=False, network="i2d"):
    def build():
        keras.utils.set_random_seed(1)
        keras.config.set_dtype_policy(recipe.precision)
        model = build_model(network, 3, width=0.1, dropout=recipe.dropout, norm_momentum=0.9)
        keras.config.set_dtype_policy("float32")
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


@pytest.fixture(scope="module")
def traced():
    return make_trainer()


@pytest.fixture
def trainer(traced):
    """As fresh, but for its compiled steps."""
    variables = [*traced.model.variables, *traced.optimizer.variables, traced.data_step]
    start = [v.numpy() for v in variables]
    yield traced
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    traced.stop.signal, traced.stopped = None, False


def feed(trainer, size=32, steps=5):
    """An iterator of the same random clips again and again, however they are shared out."""
    recipe, rng = trainer.recipe, np.random.default_rng(0)
    clip = rng.integers(0, 256, (5 * recipe.batch_size, recipe.num_frames, size, size, 3), dtype=np.uint8)
    clips = tf.data.Dataset.from_tensor_slices(dict(clip=clip, label=rng.integers(0, 3, len(clip))))
    clips = clips.take(steps * recipe.batch_size).repeat()
    return trainer.distribute(lambda batch_size, **_: clips.batch(batch_size))


def test_one_step_is_sgd_on_the_mean_cross_entropy_with_weight_decay():
    recipe = dataclasses.replace(RECIPE, learning_rates=(0.1,), weight_decay=1.0)
    trainer = make_trainer(recipe, freeze_norm=True)
    before = {v.path: v.numpy() for v in trainer.model.trainable_variables}
    batch = next(feed(trainer, size=64))

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
    report = trainer.train(feed(trainer, size=64), 1)
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


def test_the_loss_of_a_repeated_batch_goes_down(trainer):
    iterator = feed(trainer, steps=1)
    losses = [trainer.train(iterator, 5).loss for _ in range(4)]
    assert losses[-1] < 0.5 * losses[0]


def test_several_steps_in_one_call_equal_single_steps(trainer):
    variables = [*trainer.model.variables, *trainer.optimizer.variables]
    start = [v.numpy() for v in variables]
    iterator = feed(trainer)
    losses = [trainer.train(iterator, 1).loss for _ in range(3)]
    singly = [v.numpy() for v in variables]
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    trainer.data_step.assign(0)
    report = trainer.train(feed(trainer), 3)
    np.testing.assert_allclose(report.loss, np.mean(losses), rtol=1e-5)
    for variable, value in zip(variables, singly, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6, err_msg=variable.path)


def test_a_loss_that_is_no_number_stops_the_run_before_the_weights_are_touched(trainer):
    iterator = feed(trainer)
    trainer.train(iterator, 1)
    bias = trainer.model.get_layer("Conv2d_0c_1x1").bias
    bias.assign([np.nan, 0, 0])
    before = [v.numpy() for v in trainer.model.variables]
    with pytest.raises(loop.DivergedError, match=r"The loss became nan, its gradient's norm nan, in step 2") as caught:
        trainer.train(iterator, 3)
    assert (caught.value.step, caught.value.data_step) == (1, 1)
    for a, b in zip(before, trainer.model.variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
    bias.assign([0, 0, 0])
    assert trainer.train(iterator, 2).step == 3


def test_a_long_gradient_is_shortened_and_told():
    recipe = dataclasses.replace(RECIPE, clip_norm=0.5, momentum=0.0)
    trainer = make_trainer(recipe, freeze_norm=True)
    before = [v.numpy() for v in trainer.model.trainable_variables]
    report = trainer.train(feed(trainer), 1)
    assert report.gradient_norm > 2
    moved = [a - b.numpy() for a, b in zip(before, trainer.model.trainable_variables, strict=True)]
    np.testing.assert_allclose(np.sqrt(sum((m**2).sum() for m in moved)), 0.05 * 0.5, rtol=1e-4)


def test_a_stop_is_seen_between_two_steps_of_a_call(trainer, monkeypatch):
    monkeypatch.setattr(stopping, "GRACE", 60.0)  # however busy the machine, this process does not end
    iterator = feed(trainer)
    assert trainer.train(iterator, 2).step == 2
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with trainer.stop.listening():
        report = trainer.train(iterator, 1_000_000)
        assert 2 < report.step < 100_000
        assert trainer.stopped
        assert trainer.train(iterator, 5) is None
        assert trainer.data_step.numpy() == report.step
        assert trainer.stop.name == "SIGTERM"
        with pytest.raises(KeyboardInterrupt):  # the second one means it
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("batch_size", "clips_per_replica", "replicas", "expected"),
    [(336, 6, 56, (6, 1)), (336, 6, 8, (6, 7)), (336, 6, 1, (6, 56)), (16, 6, 4, (4, 1)), (16, 16, 2, (8, 1))],
)
def test_a_batch_is_shared_out(batch_size, clips_per_replica, replicas, expected):
    recipe = recipes.recipe("kinetics", batch_size=batch_size, clips_per_replica=clips_per_replica)
    assert sharing.share_out(recipe, replicas) == expected


@pytest.mark.parametrize(
    ("batch_size", "replicas", "of"),
    [(5, 2, "2 replicas"), (336, 5, "5 replicas"), (1, 2, "2 replicas"), (8, 1, "1 replica x 6 clips at once")],
)
def test_a_batch_that_cannot_be_shared_out_is_refused(batch_size, replicas, of):
    with pytest.raises(ValueError, match=rf"must be a multiple of {of} \(--.*Received: {batch_size}$"):
        sharing.share_out(recipes.recipe("kinetics", batch_size=batch_size), replicas)


def test_the_loss_scale_falls_at_an_overflow_and_grows_after_many_steps():
    scale = optimizer.LossScale(active=True)
    scale.update(False)
    assert scale.value.numpy() == 2.0**14
    for _ in range(scale.GROW_AFTER - 1):
        scale.update(True)
    assert scale.value.numpy() == 2.0**14
    scale.update(True)
    assert scale.value.numpy() == 2.0**15
    for _ in range(15):
        assert scale.may_fall
        scale.update(False)
    assert not scale.may_fall  # at 1 it is not the scale's fault
    assert optimizer.LossScale(active=False).value.numpy() == 1
    assert not optimizer.LossScale(active=False).may_fall


@pytest.mark.slow
def test_bfloat16_trains_in_half_precision_and_keeps_full_weights():
    trainer = make_trainer(dataclasses.replace(RECIPE, precision="mixed_bfloat16", num_frames=17))
    assert trainer.model.get_layer("Mixed_3b").compute_dtype == "bfloat16"
    assert {v.dtype for v in trainer.model.trainable_variables} == {"float32"}
    iterator = feed(trainer, steps=1)
    losses = [trainer.train(iterator, 5).loss for _ in range(4)]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="of the CPU's kernels")
def test_bfloat16_of_short_clips_is_refused_on_the_cpu():
    with pytest.raises(ValueError, match=r"more than 16 frames.*Received: num_frames=16"):
        make_trainer(dataclasses.replace(RECIPE, precision="mixed_bfloat16", num_frames=16))


def use_two_cpus():
    """In a process of its own: logical CPUs must be asked for before TensorFlow has used the CPU."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def compare(makers, steps=5):
    """How far two trainers are apart after some steps, in weights and moving averages, and how far they have come."""
    found = []
    for make in makers:
        trainer = make()
        start = [v.numpy() for v in trainer.model.trainable_variables]
        trainer.train(feed(trainer), steps)
        found.append([v.numpy() for v in trainer.model.variables if v.name != "seed_generator_state"])
        trained = [v.numpy() for v in trainer.model.trainable_variables]
    difference = max(abs(a - b).max() for a, b in zip(*found, strict=True))
    moved = max(abs(a - b).max() for a, b in zip(trained, start, strict=True))
    print(f"difference {difference} moved {moved}")


def two_devices():
    """Three clips on each of two devices, and six on one, with frozen batch norms."""
    use_two_cpus()
    recipe = dataclasses.replace(RECIPE, batch_size=6, learning_rates=(0.01,))
    options = dict(freeze_norm=True)
    compare([lambda: make_trainer(recipe, ["/cpu:0", "/cpu:1"], **options), lambda: make_trainer(recipe, **options)])


def micro_batches():
    """Two clips on each of two devices, and two micro-batches on one: batch norm and dropout as they are."""
    use_two_cpus()
    recipe = dataclasses.replace(RECIPE, batch_size=4, clips_per_replica=2, learning_rates=(0.1,), dropout=0.5)
    devices = (["/cpu:0", "/cpu:1"], ["/cpu:0"])
    compare([lambda each=each: make_smooth_trainer(recipe, each) for each in devices])


def two_evaluations(records):
    """A split of short and long videos, shown to a network on two devices and on one."""
    use_two_cpus()
    split = open_split(records, "val")
    rows = []
    for devices in (["/cpu:0", "/cpu:1"], ["/cpu:0"]):
        trainer = make_trainer(devices=devices)
        attach(trainer.model, Preprocessing(resize=(40, 40), crop=32))
        options = dict(at_least=14, batch_size=4, strategy=trainer.strategy)
        _, predictions = evaluate.evaluate(trainer.model, split, **options)
        rows.append(dict(zip(predictions.media_ids, predictions.logits, strict=True)))
    difference = max(abs(rows[0][name] - rows[1][name]).max() for name in rows[1])
    print(f"difference {difference} videos {len(rows[0])} {len(rows[1])}")


@pytest.mark.slow
def test_two_devices_evaluate_short_and_long_videos_as_one_does(run_code, tmp_path):
    for frames in (12, 20):
        spec = synthetic.SyntheticSet(classes=("zoom_in", "zoom_out"), num_train=2, num_val=5, num_frames=frames)
        synthetic.write_set(spec, tmp_path / str(frames))
    rows = [f"{p},{p.parent.name},val" for p in sorted(tmp_path.glob("*/val/*/*.avi"))]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    items = listing.list_csv(tmp_path / "list.csv")
    listed = listing.Listing(items, listing.class_names(items))
    prepare.prepare(listed, tmp_path / "records", prepare.Settings(size=(40, 40)))
    _, difference, _, two, one = run_code(f"two_evaluations({str(tmp_path / 'records')!r})")[-5:]
    assert (two, one) == ("10", "10")
    assert float(difference) < 1e-5


@pytest.fixture
def run_code(run_script, tmp_path):
    """Runs a call of one of this file's functions in a process of its own; the words that it prints."""

    def run(call: str) -> list[str]:
        (tmp_path / "script.py").write_text(f"from tests.training import test_loop\ntest_loop.{call}\n")
        done = run_script(str(tmp_path / "script.py"))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@pytest.mark.slow
def test_two_devices_of_three_clips_equal_one_of_six(run_code):
    _, difference, _, moved = run_code("two_devices()")
    assert float(moved) > 1e-2
    assert float(difference) < 1e-5


def test_micro_batches_equal_as_many_replicas(run_code):
    _, difference, _, moved = run_code("micro_batches()")
    assert float(moved) > 1e-2
    assert float(difference) < 1e-5
