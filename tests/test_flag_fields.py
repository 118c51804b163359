import dataclasses
import inspect

import pytest

from s3d_tf.detection.linking import Linking
from s3d_tf.detection.recipes import DetectionRecipe
from s3d_tf.flag_fields import describe
from s3d_tf.serving.connection import Connection
from s3d_tf.training.pace import Pace
from s3d_tf.training.recipes import Recipe

INDENTED = """How a run proceeds.

    A paragraph with a label: text.

    Attributes:
        steps: optimizer updates; a description
            over two lines, with a colon: here.
        name: shown in the log, such as "a: b".
        a1_rate: after each of `boundaries`.

    Raises:
        ValueError: a value out of range.
    """
STRIPPED = inspect.cleandoc(INDENTED) + "\n"  # as Python 3.13 compiles it
DESCRIPTIONS = {
    "steps": "optimizer updates; a description over two lines, with a colon: here.",
    "name": 'shown in the log, such as "a: b".',
    "a1_rate": "after each of `boundaries`.",
}


@pytest.mark.parametrize("docstring", [INDENTED, STRIPPED, INDENTED.split("\n\n    Raises:")[0]])
def test_indented_and_stripped_docstrings_give_the_same_descriptions(docstring):
    assert describe(type("Options", (), {"__doc__": docstring})) == DESCRIPTIONS


@pytest.mark.parametrize("cls", [Connection, DetectionRecipe, Linking, Pace, Recipe])
def test_every_field_of_a_class_that_defines_flags_is_described(cls):
    stripped = type(cls.__name__, (), {"__doc__": inspect.cleandoc(cls.__doc__)})
    assert list(describe(cls)) == [field.name for field in dataclasses.fields(cls)]
    assert describe(stripped) == describe(cls)
    assert all(describe(cls).values())
