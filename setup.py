"""Packaging of s3d_tf: `pip install -c constraints.txt -e .` installs the versions that were tested."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "s3d_tf/__init__.py").read_text()).group(1)

EXTRAS = {
    "test": ["pytest", "pytest-xdist", "ruff", "scipy", "tensorflow-serving-api"],
    "serving": ["tensorflow-serving-api"],  # the client, and warm-up requests of an export
    "plots": ["matplotlib", "scikit-learn"],  # t-SNE and silhouettes of the experiments
    "torch": ["torch>=2.6"],  # before it, a pickle could run code in spite of weights_only
    "beam": ["apache-beam"],
    "boxes": ["scipy"],  # reads JHMDB's MATLAB files
    "gpu": ["tensorflow[and-cuda]"],  # Nvidia's CUDA and cuDNN wheels
}

setup(
    name="s3d_tf",
    version=VERSION,
    description="S3D, S3D-G, I3D and their family in TensorFlow 2 and Keras 3, from video files to TF Serving",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",  # those for which TensorFlow 2.21 has wheels; scripts/venv.sh too
    packages=find_packages(include=["s3d_tf", "s3d_tf.*", "experiments"]),
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.10,<4",
        "tensorboard",  # tf.summary writes through it
        "tensorflow-datasets",
        "numpy",
        "opencv-contrib-python-headless>=4.12",  # the one cv2 wheel with TV-L1 flow and without libGL
        "av>=17",  # PyAV; its wheel decodes AV1, which OpenCV's opens but does not decode
        "absl-py",
        "tqdm",
    ],
    extras_require=EXTRAS,
)
