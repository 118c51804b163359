"""Arrays into a model, all or nothing: every missing, extra and mis-shaped name is listed."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence

import keras
import numpy as np


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The weights of a model by our names."""
    return {weight.path: weight for weight in model.weights}


def assign(
    model: keras.Model,
    values: Mapping[str, np.ndarray],
    *,
    fresh: Collection[str] = (),
    allow: Sequence[str] = (),
    theirs: Mapping[str, str] | None = None,
    misfits: Mapping[str, str] | None = None,
) -> list[str]:
    """Gives the variables of `model` their values.

    Args:
        model: changed only when everything fits.
        values: by our names.
        fresh: names that are to keep their starting value.
        allow: patterns (`*` as in file names) of our or the source's names that may be missing, extra or mis-shaped.
        theirs: our name -> the source's, to speak of a variable by both.
        misfits: our name -> why its value is mis-shaped, though it may have the variable's shape.

    Returns:
        What was not loaded under `allow`: our names of variables, without those in `fresh`, and the names of extra
        values.

    Raises:
        ValueError: anything else that does not fit; all of it is named.
    """
    if isinstance(allow, str):
        raise ValueError(f"allow is a list of patterns. Received: allow={allow!r}")
    theirs, misfits = theirs or {}, misfits or {}
    ours = variables(model)

    def called(name: str) -> str:
        return name if theirs.get(name, name) == name else f"{name} ({theirs[name]})"

    def allowed(name: str) -> bool:
        return any(fnmatch.fnmatchcase(n, pattern) for n in (name, theirs.get(name, name)) for pattern in allow)

    missing = [n for n in ours if n not in values and n not in fresh]
    extra = [n for n in values if n not in ours]
    fitting = {n: value for n, value in values.items() if n in ours}
    odd = {n: f"{np.asarray(v).dtype}, which is no number" for n, v in fitting.items() if not _is_real(v)}
    misfits = {**misfits, **odd}
    misshaped = [n for n in ours if n in values and (n in misfits or np.shape(values[n]) != tuple(ours[n].shape))]
    wrong = {
        "missing": [n for n in missing if not allowed(n)],
        "extra": [called(n) for n in extra if not allowed(n)],
        "mis-shaped": [
            f"{called(n)}: {misfits.get(n, f'{np.shape(values[n])} for {tuple(ours[n].shape)}')}"
            for n in misshaped
            if not allowed(n)
        ],
    }
    if any(wrong.values()):
        lists = "; ".join(f"{len(names)} {kind}: {', '.join(names)}" for kind, names in wrong.items() if names)
        raise ValueError(
            f"The weights do not fit {model.name}, {lists}. Go on without them by naming them in allow. "
            f"Received: allow={list(allow)!r}"
        )
    for name, value in fitting.items():
        if name not in misshaped:
            ours[name].assign(np.asarray(value, "float32"))
    return [*missing, *misshaped, *extra]


def _is_real(value: np.ndarray) -> bool:
    """Whether float32 holds what an array holds; bfloat16 is of NumPy's kind V."""
    dtype = np.asarray(value).dtype
    return dtype.kind in "biuf" or dtype.name == "bfloat16"
