"""Packaging of tf_mt: music translation for TensorFlow."""

from pathlib import Path

from setuptools import find_packages, setup

TENSORFLOW = ["keras>=3.15,<3.16", "tensorflow>=2.21,<2.22"]
LIBROSA = "librosa>=0.11,<0.12"
# av 19, for Python 3.12 and later, opens files by other arguments.
FORMATS = ["av>=14,<19"]
CLIENT = ["grpcio>=1.71", "ml_dtypes>=0.5", "protobuf>=5.28"]
PICTURES = [LIBROSA, "matplotlib>=3.9"]
TENSORFLOW_IO = 'tensorflow-io==0.37.1; python_version < "3.13"'

setup(
    name="tf_mt",
    version="0.1.0",
    description="Music translation for TensorFlow: train, compare, export, serve.",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["tf_mt*", "pipelines*", "serving*"]),
    package_data={
        "pipelines": ["*/README.md", "*/CITATIONS.bib"],
        "tf_mt.pretrained": ["README.md", "harmonics/**/*"],
    },
    # What every command imports; nothing here may ask for TensorFlow.
    install_requires=[
        "absl-py>=2.1",
        "numpy>=2.0",
        "soundfile>=0.13",
        "soxr>=0.5",
        "tqdm>=4.66",
    ],
    extras_require={
        # The gRPC client.
        "client": CLIENT,
        # Reading M4A, AAC, WMA, WebM, WavPack and the sound of videos, with FFmpeg.
        "formats": FORMATS,
        # Translation with a bundle in the same process.
        "bundle": TENSORFLOW,
        # The page in the browser, and pictures of translations.
        "app": [*TENSORFLOW, *CLIENT, *FORMATS, *PICTURES, "gradio>=6,<7"],
        # Conversion of recordings and scores to datasets, and reading them.
        "data": [
            *TENSORFLOW,
            LIBROSA,
            "importlib_resources>=6",
            "music21>=10.5,<11",
            "pretty_midi>=0.2.11",
            "scipy>=1.13",
            "tensorflow-datasets>=4.9.10,<5",
        ],
        # Conversion on many machines.
        "beam": ["apache-beam>=2.77", "google-crc32c>=1.5"],
        # The reader of PyTorch's files is tested against PyTorch.
        "torch": ["torch==2.13.0"],
        # Training with logs, and evaluation.
        "train": [
            *TENSORFLOW,
            *PICTURES,
            "mir_eval>=0.8",
            "scikit-learn>=1.5",
            "scipy>=1.13",
            "tensorboard>=2.20",
            "threadpoolctl>=3.5",
            TENSORFLOW_IO,
        ],
        # The embedded server, and export, which writes requests for warm-up.
        "serving": [
            *TENSORFLOW,
            *CLIENT,
            "grpcio-health-checking>=1.71",
            "grpcio-reflection>=1.71",
            "prometheus_client>=0.21",
            "starlette>=0.41",
            "tensorflow-serving-api>=2.21,<2.22",
            "uvicorn>=0.32",
        ],
        # Tests and lint.
        "dev": [
            *FORMATS,
            "gradio>=6,<7",
            "httpx>=0.27",
            "hypothesis>=6.100",
            "ipykernel>=6",
            "nbclient>=0.10",
            "kubernetes-validate>=1.37,<1.38",
            "pyloudnorm>=0.2,<0.3",
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "pyyaml>=6",
            "ruff==0.17.5",
            "scikit-image>=0.25",
            "setuptools>=70",
            "trustme>=1.2",
        ],
    },
)
