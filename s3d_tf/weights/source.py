"""What a source of weights is: a rename table, what to pass over, and how its arrays lie.

Our names are the Keras paths of the variables: `Mixed_3b/Branch_1/Conv2d_0b_3x3/temporal/conv/kernel`.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from s3d_tf.weights.preprocessing import Preprocessing

OUR_NAME = re.compile(
    r"(Conv2d_(1a_7x7|2b_1x1|2c_3x3)|Mixed_[345][b-f]/Branch_[0-3]/Conv2d_0[ab]_(1x1|3x3))"
    r"/(gate/(kernel|bias)|(spatial|temporal)/(conv/(kernel|bias)|norm/(gamma|beta|moving_mean|moving_variance)))"
    r"|Conv2d_0c_1x1/(kernel|bias)"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """Somebody's checkpoints.

    Attributes:
        name: whose.
        renames: pairs of a regular expression and its replacement, applied one after the other.
        ignored: regular expressions of names that are no part of the network.
        arrange: `(our name, array)` -> the array as our variable has it.
        convention: the row of `CONVENTIONS` that the weights were trained with.
        kinds: what all units are, or None where the shapes tell.
        preprocessing: from the number of input channels, 3 or 2.
        kernel_rank: axes of a conv kernel: 5, or 4 of an image network.
    """

    name: str
    renames: Sequence[tuple[str, str]]
    ignored: Sequence[str]
    arrange: Callable[[str, np.ndarray], np.ndarray]
    convention: str
    kinds: tuple[str, ...] | None
    preprocessing: Callable[[int], Preprocessing]
    kernel_rank: int = 5

    def rename(self, name: str) -> str:
        """Our name of the variable `name`; one that is none of ours where it is none of the network's."""
        for pattern, replacement in self.renames:
            name = re.sub(pattern, replacement, name)
        return name

    def ours(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
        """`{our name: their name}` of every variable that is not ignored; extra ones keep their own name.

        Raises:
            ValueError: two variables that would become one.
        """
        result: dict[str, str] = {}
        for name in shapes:
            if any(re.search(pattern, name) for pattern in self.ignored):
                continue
            ours = self.rename(name)
            ours = ours if OUR_NAME.fullmatch(ours) else name
            if ours in result:
                raise ValueError(f"Two variables are both {ours}. Received: {result[ours]} and {name}")
            result[ours] = name
        return result

    def ignored_counts(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """`{pattern: number of variables}` of what is passed over."""
        first = (next((p for p in self.ignored if re.search(p, name)), None) for name in shapes)
        return dict(Counter(pattern for pattern in first if pattern))

    def count(self, shapes: Mapping[str, tuple[int, ...]]) -> int:
        """How many of the variables are conv kernels of a network of this source."""
        kernels = (name for name, shape in shapes.items() if len(shape) == self.kernel_rank)
        ours = (self.rename(name) for name in kernels if not any(re.search(pattern, name) for pattern in self.ignored))
        return sum(name.endswith("/conv/kernel") and bool(OUR_NAME.fullmatch(name)) for name in ours)


def find_source(sources: Sequence[Source], shapes: Mapping[str, tuple[int, ...]]) -> Source:
    """The source whose names these are.

    Raises:
        ValueError: nobody's that is known.
    """
    counts = [source.count(shapes) for source in sources]
    if max(counts) < 10:  # of 57 or more; a name or two, such as fc.weight, many networks have
        some = ", ".join(sorted(shapes)[:5]) or "no tensors at all"
        raise ValueError(
            f"Not weights of {', '.join(source.name for source in sources)}, by their names. Received: {some}"
        )
    return sources[counts.index(max(counts))]


def arrange_tensorflow(name: str, array: np.ndarray) -> np.ndarray:
    """TensorFlow's kernels lie as ours; gates are 1x1x1 convs there, images lack an axis, vectors may be 5-D."""
    if name.endswith(("conv/kernel", "Conv2d_0c_1x1/kernel")) and array.ndim == 4:
        return array[np.newaxis]
    if name.endswith("gate/kernel") and array.shape[:-2] == (1, 1, 1):
        return array.reshape(array.shape[-2:])
    if not name.endswith("kernel") and array.ndim == 5 and array.shape[:-1] == (1, 1, 1, 1):
        return array.reshape(-1)
    return array


def arrange_pytorch(name: str, array: np.ndarray) -> np.ndarray:
    """`[out, in, T, H, W]` -> `[T, H, W, in, out]`, `[out, in]` -> `[in, out]`; a linear head becomes a 1x1x1 conv."""
    if array.ndim == 5:
        return array.transpose(2, 3, 4, 1, 0)
    if array.ndim == 2:
        return array.T if name.endswith("gate/kernel") else array.T[np.newaxis, np.newaxis, np.newaxis]
    return array


PYTORCH_NORM = (  # the ends of every PyTorch source's names, once the layer's own name is ours
    (r"/norm\.weight$", "/norm/gamma"),
    (r"/norm\.bias$", "/norm/beta"),
    (r"/norm\.running_mean$", "/norm/moving_mean"),
    (r"/norm\.running_var$", "/norm/moving_variance"),
    (r"/conv\.weight$", "/conv/kernel"),
)
