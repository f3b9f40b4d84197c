"""Which modules may import which: a table, compared with the imports in the source."""

import ast
import functools
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("tf_mt", "pipelines", "serving")

# From the bottom up: each module or package, and what else of ours it may import. It
# may always import from itself, and never from what stands below its line.
MAY_IMPORT = {
    "tf_mt.names": (),
    "tf_mt.disk": (),
    "tf_mt.atomic": ("tf_mt.disk",),
    "tf_mt.weights_file": ("tf_mt.disk",),
    "tf_mt.script": (),
    "tf_mt.progress": (),
    "tf_mt.dataset": ("tf_mt.names",),
    "tf_mt.config": ("tf_mt.names",),
    "tf_mt.keras_settings": (),
    "tf_mt.pretrained": (),
    "tf_mt.startup": ("tf_mt.config", "tf_mt.keras_settings"),
    "tf_mt.audio": ("tf_mt.atomic",),
    "tf_mt.losses": (),
    "tf_mt.layers": ("tf_mt.audio", "tf_mt.losses"),
    # Networks that a perceptual loss compares with, too.
    "tf_mt.embedders.cnn": ("tf_mt.keras_settings", "tf_mt.layers"),
    "tf_mt.embedders.cp_resnet": ("tf_mt.keras_settings",),
    "tf_mt.embedders.classifier": (
        "tf_mt.names",
        "tf_mt.atomic",
        "tf_mt.weights_file",
        "tf_mt.embedders.cnn",
        "tf_mt.embedders.cp_resnet",
    ),
    "tf_mt.models": (
        "tf_mt.names",
        "tf_mt.keras_settings",
        "tf_mt.dataset",
        "tf_mt.config",
        "tf_mt.audio",
        "tf_mt.losses",
        "tf_mt.layers",
        "tf_mt.embedders.classifier",
        "tf_mt.embedders.cp_resnet",
    ),
    "tf_mt.data": (
        "tf_mt.names",
        "tf_mt.atomic",
        "tf_mt.progress",
        "tf_mt.dataset",
        "tf_mt.audio",
    ),
    "tf_mt.inference.system": ("tf_mt.names", "tf_mt.audio.windows"),
    "tf_mt.evaluation": (
        "tf_mt.atomic",
        "tf_mt.progress",
        "tf_mt.audio.files",
        "tf_mt.audio.k_weighting",
        "tf_mt.inference.system",
    ),
    "tf_mt.embedders": (
        "tf_mt.names",
        "tf_mt.keras_settings",
        "tf_mt.progress",
        "tf_mt.audio",
        "tf_mt.layers",
        "tf_mt.data",
        "tf_mt.evaluation.metrics.mfcc",
    ),
    "tf_mt.training": (
        "tf_mt.names",
        "tf_mt.atomic",
        "tf_mt.weights_file",
        "tf_mt.progress",
        "tf_mt.dataset",
        "tf_mt.config",
        "tf_mt.layers",
        "tf_mt.models",
        "tf_mt.data",
    ),
    "tf_mt.vocoders": (
        "tf_mt.config",
        "tf_mt.dataset",
        "tf_mt.audio",
        "tf_mt.losses",
        "tf_mt.layers",
        "tf_mt.models",
        "tf_mt.training.run",
    ),
    "tf_mt.importers": (
        "tf_mt.names",
        "tf_mt.atomic",
        "tf_mt.dataset",
        "tf_mt.config",
        "tf_mt.layers",
        "tf_mt.models",
        "tf_mt.training.run",
    ),
    "tf_mt.inference": (
        "tf_mt.names",
        "tf_mt.atomic",
        "tf_mt.progress",
        "tf_mt.audio",
        "tf_mt.models",
        "tf_mt.training.run",
    ),
    "pipelines": (
        "tf_mt.names",
        "tf_mt.disk",
        "tf_mt.atomic",
        "tf_mt.progress",
        "tf_mt.script",
        "tf_mt.startup",
        "tf_mt.audio",
        "tf_mt.data",
        "tf_mt.evaluation",
    ),
    "serving": (
        "tf_mt.names",
        "tf_mt.atomic",
        "tf_mt.script",
        "tf_mt.startup",
        "tf_mt.audio.files",
        "tf_mt.audio.windows",
        "tf_mt.inference.pipe",
        "tf_mt.inference.stream",
        "tf_mt.inference.system",
        "tf_mt.inference.target",
    ),
    "tf_mt.page": ("tf_mt.evaluation.report", "tf_mt.inference"),
    "tf_mt.evaluation.protocol.setup": (
        "tf_mt.names",
        "tf_mt.data",
        "tf_mt.embedders",
        "tf_mt.evaluation",
    ),
    # The scripts, which nothing imports.
    "tf_mt.train": PACKAGES,
    "tf_mt.export": PACKAGES,
    "tf_mt.translate": PACKAGES,
    "tf_mt.app": PACKAGES,
    "tf_mt.evaluate": PACKAGES,
    "tf_mt.explore": PACKAGES,
    "tf_mt.gram": PACKAGES,
    "tf_mt.grid": PACKAGES,
    "tf_mt.train_embedder": PACKAGES,
    "tf_mt.train_vocoder": PACKAGES,
    "tf_mt.levels": PACKAGES,
    "tf_mt.pairs": PACKAGES,
    "tf_mt.import_jukebox": PACKAGES,
    "tf_mt.import_umt": PACKAGES,
}

# What only some may mention: a name, and the modules that may.
RESERVED = {
    "tensorflow_io": ("tf_mt.audio.masks",),
    "tqdm": ("tf_mt.progress",),
    "av": ("tf_mt.audio.ffmpeg",),
    "gradio": ("tf_mt.page",),
    "apache_beam": ("tf_mt.data.distributed",),
    "tensorflow.distribute": (
        "tf_mt.training.trainer",
        "tf_mt.models.replicas",
        "tf_mt.models.trainable",
    ),
    "absl.flags": ("tf_mt.config", "tf_mt.inference.threads", "scripts"),
}

# What runs where TensorFlow is not, with all that it imports.
WITHOUT_TENSORFLOW = (
    "tf_mt.names",
    "tf_mt.disk",
    "tf_mt.atomic",
    "tf_mt.script",
    "tf_mt.progress",
    "tf_mt.dataset",
    "tf_mt.config",
    "tf_mt.importers.torch_file",
    "tf_mt.audio.files",
    "tf_mt.audio.windows",
    "tf_mt.inference.pipe",
    "tf_mt.inference.stream",
    "tf_mt.inference.system",
    "tf_mt.inference.target",
    "tf_mt.evaluation.metrics",
    "tf_mt.evaluation.report",
    "tf_mt.evaluation.protocol.evaluation",
    "serving.client",
    "serving.translate",
)
TENSORFLOW = ("tensorflow", "tensorflow_datasets", "tensorflow_serving", "keras")


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    name_of(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def lies_in(name, *places):
    return any(name == place or name.startswith(f"{place}.") for place in places)


@functools.cache
def tree(path):
    return ast.parse(path.read_text())


def imports(module):
    """What a module imports, wherever in its source: dotted names."""
    found = set()
    for node in ast.walk(tree(MODULES[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute."
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def mentions(module):
    """What a module imports, or reaches as an attribute of TensorFlow."""
    attributes = {
        f"tensorflow.{node.attr}"
        for node in ast.walk(tree(MODULES[module]))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "tf"
    }
    return imports(module) | attributes


def line_of(module):
    """The line of the table that a module belongs to: the most precise one."""
    lines = [line for line in MAY_IMPORT if lies_in(module, line)]
    return max(lines, key=len, default=None)


def scripts():
    """The modules that do something when they are run."""
    return [
        module
        for module in MODULES
        if any(
            isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
            for node in tree(MODULES[module]).body
        )
    ]


def test_the_table_has_every_module_and_no_other():
    used = {line_of(module) for module in MODULES if module not in PACKAGES}
    assert used == set(MAY_IMPORT)


def test_the_table_points_down():
    lines = list(MAY_IMPORT)
    for number, (line, allowed) in enumerate(MAY_IMPORT.items()):
        if allowed is not PACKAGES:
            for name in allowed:
                assert lies_in(name, *lines[:number]), f"{name} is above {line}."


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_what_it_may(module):
    line = line_of(module)
    ours = {name for name in imports(module) if lies_in(name, *PACKAGES)}
    if line is None:
        assert not ours
        return
    wrong = [name for name in ours if not lies_in(name, line, *MAY_IMPORT[line])]
    assert not wrong, f"{module} must not import {', '.join(wrong)}."


@pytest.mark.parametrize("name", RESERVED)
def test_some_names_are_for_few(name):
    users = {
        module
        for module in MODULES
        if any(lies_in(mentioned, name) for mentioned in mentions(module))
    }
    few = RESERVED[name] + (tuple(scripts()) if "scripts" in RESERVED[name] else ())
    assert users <= set(few), f"only {', '.join(few)} may mention {name}."
    assert users, f"nothing mentions {name}; take it off the table."


def reached(module):
    """All of ours that is loaded when a module is imported, itself among it."""
    found, waiting = set(), {module}
    while waiting:
        name = waiting.pop()
        # `from package import function` names a module and something in it, and
        # importing a module imports the packages around it.
        while name:
            if name in MODULES and name not in found:
                found.add(name)
                waiting |= imports(name)
            name = name.rpartition(".")[0]
    return found


@pytest.mark.parametrize("place", WITHOUT_TENSORFLOW)
def test_some_run_without_tensorflow(place):
    for module in [name for name in MODULES if lies_in(name, place)]:
        for loaded in reached(module):
            heavy = [name for name in imports(loaded) if lies_in(name, *TENSORFLOW)]
            assert not heavy, f"{module} reaches {loaded}, which imports {heavy}."


def test_packages_import_nothing():
    # `tf_mt.models` is a table of the approaches, and has to import them.
    for module, path in MODULES.items():
        if path.name == "__init__.py" and module != "tf_mt.models":
            assert not imports(module), module


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import tensorflow_io", {"tensorflow_io"}),
        ("from absl import app, flags", {"absl.app", "absl.flags"}),
        ("def f():\n    import tf_mt.atomic as a", {"tf_mt.atomic"}),
        ("x: tf.distribute.Strategy", {"tensorflow.distribute"}),
    ],
)
def test_the_source_is_read_right(source, expected, tmp_path, monkeypatch):
    path = tmp_path / "any.py"
    path.write_text(source)
    monkeypatch.setitem(MODULES, "any", path)
    assert mentions("any") == expected
