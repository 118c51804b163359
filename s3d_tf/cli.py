"""How the binaries start: errors that a user can mend are one sentence and exit status 1, never a stack trace."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags, logging


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Holds back what is written to stderr, by native code too; shows it if an error is raised."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextlib.contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Makes `import NAME` fail while this lasts, unless it was imported before."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _end_quietly(kind, error, trace) -> None:
    """An interrupt while modules are imported; later ones are caught in `run`."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end_quietly
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# On import TensorFlow prints a page of remarks that no variable switches off. Keras imports the two other packages if
# they are installed, for wrappers that nothing here uses; that would be a third of the import's time.
with quiet_stderr(), _hidden("sklearn", "matplotlib"):
    import tensorflow

    tensorflow.config.list_physical_devices()
tensorflow.get_logger().setLevel("WARNING")


def _reuse_memory() -> None:
    """Has glibc keep blocks of up to 32 MB for the next batch: fresh pages cost an input pipeline a twentieth."""
    trim_threshold, mmap_threshold = -1, -3  # malloc.h
    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 32 << 20)
        libc.mallopt(trim_threshold, 512 << 20)


def make_deterministic(seed: int) -> None:
    """Has TensorFlow use only ops that give the same bits each time; needs to be called before it is used."""
    tensorflow.random.set_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Parses the flags, calls `main(argv)` and exits with its status; with 1 after an error that is about the input.

    A flag that does not parse exits with 2, a process that a signal ends with 128 + its number.
    """

    def guarded(argv: Sequence[str]) -> int | None:
        if len(argv) > 1:
            print(f"error: flags are given as --name=value. Received: {argv[1]}", file=sys.stderr)
            return 2
        logging.set_verbosity(logging.WARNING)
        with contextlib.suppress(AttributeError):  # where a test captures it
            sys.stdout.reconfigure(errors="surrogateescape")  # names of files may be no UTF-8
        try:
            return main(argv)
        except (ValueError, OSError, FloatingPointError, tensorflow.errors.OpError) as error:
            if os.environ.get("S3D_TF_DEBUG"):
                raise
            theirs = isinstance(error, tensorflow.errors.OpError)
            text = " ".join((error.message if theirs else str(error)).split())
            print(f"error: {text[: 1000 if theirs else 30_000]}", file=sys.stderr)  # ours may list many variables
            return 1
        except KeyboardInterrupt as error:
            print("interrupted", file=sys.stderr)
            return 128 + (error.args[0] if error.args else signal.SIGINT)

    _reuse_memory()
    app.run(guarded, flags_parser=_parse)


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(list(argv))
    except flags.Error as error:
        print(f"error: {error} (--help lists the flags)", file=sys.stderr)
        sys.exit(2)
