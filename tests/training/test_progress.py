"""The live line of a run, by a clock of the test's own, and the note about a run of days."""

import threading

import pytest

from s3d_tf.networks import build_model, cost
from s3d_tf.training import advice, progress, recipes
from tests.detection.tiny import RECIPE as DETECTION_RECIPE


class Clock:
    """Seconds that the test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(clock, monkeypatch):
    """Makes a `Progress`; `shown` lists its line at each update of the bar."""

    def make(steps=10, micro_batches=2, **options):
        found = progress.Progress(0, steps, micro_batches, clock=clock, **dict(interval=0.0) | options)
        found.shown = []
        monkeypatch.setattr(found._bar, "refresh", lambda: found.shown.append(found.line()))
        return found

    return make


def at(clock, seconds):
    clock.now = float(seconds)


def test_time_per_step_and_time_left_are_shown_after_the_first_step(make, clock):
    bar = make()
    bar.begin(progress.COMPILING)
    for seconds, taken, done in ((1, 0, 0), (23, 0, 1), (26, 1, 0), (28, 1, 1), (30, 2, 0)):
        at(clock, seconds)
        bar.micro_batch(taken, done)
    assert bar.shown == [
        "compiling the training step (usually under 20 s)",
        "compiling the training step (usually under 20 s)",
        "step 1: micro-batch 2 of 2",
        "first step 25 s with compilation, at most 3 min 45 s left, step 2: micro-batch 1 of 2",
        "first step 25 s with compilation, at most 3 min 45 s left, step 2: micro-batch 2 of 2",
        "4 s/step, 32 s left, step 3: micro-batch 1 of 2",
    ]
    assert bar.step == 2


def test_compilation_inside_the_first_micro_batch_is_no_time_of_a_step(make, clock):
    """Then the first clean micro-batch gives the time, or, with few of them, the second step."""
    bar = make(micro_batches=4)
    for seconds, taken, done in ((0, 0, 0), (30, 0, 1), (33, 0, 2), (36, 0, 3), (49, 1, 0), (52, 1, 1)):
        at(clock, seconds)
        bar.micro_batch(taken, done)
    assert bar.shown == [
        "step 1: micro-batch 1 of 4",
        "step 1: micro-batch 2 of 4",
        "12 s/step, 1 min 48 s left, step 1: micro-batch 3 of 4",
        "12 s/step, 1 min 48 s left, step 1: micro-batch 4 of 4",
        "12 s/step, 1 min 48 s left, step 2: micro-batch 1 of 4",
        "12 s/step, 1 min 45 s left, step 2: micro-batch 2 of 4",
    ]
    bar = make(micro_batches=1)
    for seconds, taken in ((100, 0), (130, 1), (133, 2)):
        at(clock, seconds)
        bar.micro_batch(taken, 0)
    assert bar.shown == ["", "first step 30 s with compilation, at most 4 min 30 s left", "3 s/step, 24 s left"]


def test_what_lies_between_calls_is_no_time_of_a_step(make, clock):
    bar = make(micro_batches=1)
    bar.micro_batch(0, 0)
    at(clock, 2)
    bar.report(1, "loss 1")
    at(clock, 100)
    with bar.during(progress.SAVING):
        at(clock, 200)
    bar.micro_batch(0, 0)
    at(clock, 203)
    bar.report(2, "loss 2")
    assert bar.shown == [
        "",
        "first step 2 s with compilation, at most 18 s left, loss 1",
        "first step 2 s with compilation, at most 18 s left, saving a checkpoint, loss 1",
        "first step 2 s with compilation, at most 18 s left, loss 1",
        "3 s/step, 24 s left, loss 2",
    ]
    bar.report(2, "loss 2")  # a call that was stopped before its first step was done
    assert (bar.step, bar.seconds_per_step) == (2, 3.0)


def test_the_evaluations_that_are_left_count_once_one_was_timed(make, clock):
    bar = make(steps=10, micro_batches=1, evaluate_every=4)  # after the steps 4, 8 and 10
    for step in range(4):
        at(clock, 4 * step)
        bar.micro_batch(step, 0)
    at(clock, 16)
    bar.report(4, "")
    assert bar.seconds_left == 6 * 4
    bar.evaluated(100)
    assert bar.seconds_left == 6 * 4 + 2 * 100


def test_a_file_is_not_filled_with_lines(make, clock):
    bar = make(steps=1000, micro_batches=8, interval=30.0)
    bar.begin(progress.COMPILING)
    for step in range(10):
        for done in range(8):
            at(clock, 20 + 8 * step + done)
            bar.micro_batch(step, done)
            bar.tick()
    # compiling, the end of that, the end of the first step, and one every 30 seconds
    assert [line.rpartition(", ")[2] for line in bar.shown] == [
        "compiling the training step (usually under 20 s)",
        "step 1: micro-batch 2 of 8",
        "step 2: micro-batch 1 of 8",
        "step 5: micro-batch 7 of 8",
        "step 9: micro-batch 5 of 8",
    ]


def test_several_threads_show_one_bar(clock):
    bar = progress.Progress(0, 10, interval=0.0, clock=clock)
    for call in (bar.tick, lambda: bar.micro_batch(0, 0), bar.tick, lambda: bar.report(1, "loss 1"), bar.close):
        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()


def test_the_first_step_is_noted_once(make, clock):
    noted = []
    bar = make(micro_batches=1, on_first_step=lambda: noted.append(bar.seconds_left))
    bar.micro_batch(0, 0)
    for step in (1, 2, 3):
        assert noted == [16.0] * (step > 2)  # not yet after the first step, whose duration includes the compilation
        at(clock, 2 * step)
        bar.micro_batch(step, 0)
    assert noted == [16.0]


def test_a_run_says_when_it_will_stop(make, clock):
    bar = make()
    assert bar.until() == "now"
    bar.begin(progress.COMPILING)
    assert bar.until() == "after the first micro-batch, which is being compiled"
    bar.micro_batch(0, 0)
    assert bar.until() == "after the first micro-batch, which is being compiled"
    bar.micro_batch(0, 1)
    assert bar.until() == "after this step"
    bar.micro_batch(1, 0)
    assert bar.until() == "after this micro-batch"
    at(clock, 10)
    bar.micro_batch(1, 1)
    at(clock, 14)
    assert bar.until() == "after this step, about 6 s"
    at(clock, 20)
    bar.micro_batch(2, 0)
    at(clock, 99)
    assert bar.until() == "after this micro-batch, about 1 s"
    with bar.during(progress.EVALUATING):
        assert bar.until() == "after this batch of videos"
    workers = make(whole_steps=True)
    workers.micro_batch(0, 0)
    assert workers.until() == "after this step"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 s"), (59.6, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (12_000, "3 h 20 min")),
        *((86_399, "23 h 59 min"), (86_400, "1 day"), (400_000, "4 days 15 h")),
    ],
)
def test_durations_have_two_units_at_most(seconds, text):
    assert progress.duration(seconds) == text


def test_a_run_of_days_is_told_what_to_change():
    recipe = recipes.recipe("ucf101")
    assert advice.for_long_run(recipe, 8000, 86_400.0, 1, gpu=False) == []
    assert advice.for_long_run(recipe, 8000, 400_000.0, 1, gpu=False) == [
        "note: the 8000 steps left take about 4 days 15 h on this machine. This recipe is meant for GPUs. Try a "
        "shorter run in another --work_dir, with one or several of",
        "  --num_frames=16 --crop=112 (on records of --resize=128x128): about 6 h 56 min",
        "  --batch_size=6: about 13 h 53 min",
        "  --network=fast_s3d --width=0.5: about 23 h 20 min",
        "  --steps=1700 --boundaries=1275: about 23 h 36 min",
    ]
    resumed = advice.for_long_run(recipe, 2000, 100_000.0, 1, gpu=False)  # the whole would take 400,000 s
    assert resumed[0].startswith("note: the 2000 steps left take about 1 day 3 h on this machine.")
    assert resumed[1:] == advice.for_long_run(recipe, 8000, 400_000.0, 1, gpu=False)[1:]
    started = recipes.recipe("ucf101", weights="s3d.pth", network="", width=0.0, batch_size=6, num_frames=16)
    assert advice.for_long_run(started, 8000, 100_000.0, 1, gpu=True)[1:] == [
        "  --crop=112 (on records of --resize=128x128): about 6 h 56 min",
        "  --steps=6900 --boundaries=5175: about 23 h 57 min",
    ]
    assert [flags for flags, _ in advice.smaller(recipe, 2)][1] == "--batch_size=12"
    assert advice.smaller(DETECTION_RECIPE, 1) == []
    assert advice.fewer_steps(DETECTION_RECIPE, 86_400 * 3.0) == []  # not one step of two


def test_the_small_network_s_share_is_that_of_its_multiply_adds():
    assert advice.SMALL_NETWORK == "--network=fast_s3d --width=0.5"
    small = cost.total(build_model("fast_s3d", width=0.5)).multiply_adds / 1e9
    whole = dict(i3d=111.15, s3d=68.18, s3d_g=68.28)  # tests/networks/test_cost.py
    assert {name: round(small / whole[name], 2) for name in whole} == advice.SMALL_NETWORK_SHARE
