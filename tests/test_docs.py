"""README, BUILD and docs name only what is there: links, paths, modules, flags."""

import ast
import functools
import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "BUILD.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "serving" / "deploy" / "README.md",
]
PACKAGES = ("tf_mt", "pipelines", "serving")
FOLDERS = (*PACKAGES, "tests", "docs")

# Flags of other programs that the pages mention.
FOREIGN = {
    "beam_options": "a flag of ours, whose value holds flags of Beam's",
    "data": "curl, whose flag is --data-binary",
    "direct_num_workers": "Beam",
    "direct_running_mode": "Beam",
    "editable": "pip",
    "environment_config": "Beam",
    "environment_type": "Beam",
    "fix": "ruff",
    "flink_master": "Beam",
    "help": "absl",
    "logdir": "tensorboard",
    "manual_dir": "tfds",
    "models_dir": "the conformance suite, an option of pytest",
    "parallelism": "Beam",
    "profile": "docker compose",
    "prefer_tflite_model": "tensorflow_model_server",
    "project": "Beam",
    "region": "Beam",
    "rest": "the conformance suite, an option of pytest",
    "runner": "Beam",
    "sdk_container_image": "Beam",
    "temp_location": "Beam",
    "verbosity": "absl",
}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]*(?![\w<*{{])")
_DOTTED = re.compile(rf"(?<![\w/.-])(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
_RUN = re.compile(r"python -m ([\w.]+)")
_FLAG = re.compile(r"(?<![\w-])--(\w+)")
_COMMAND = re.compile(r"python (?:-m (?P<module>[\w.]+)|(?P<script>tests/\S+\.py))(.*)")


def problems(page, text):
    """What a page names that is not there, in a sentence each."""
    said = _LINK.sub("]", text)
    return [
        *_broken_links(page, text),
        *(f"no file {path}" for path in _PATH.findall(said) if not _is_file(path)),
        *(f"no {name}" for name in _DOTTED.findall(said) if not _is_defined(name)),
        *(f"no module {name}" for name in _RUN.findall(said) if not _runs(name)),
        *(f"no flag --{flag}" for flag in set(_FLAG.findall(said)) - _known_flags()),
        *_wrong_flags(said),
    ]


def _broken_links(page, text):
    for target in _LINK.findall(text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists():
            yield f"no file {target}"
        elif anchor:
            its_text = linked.read_text() if path else text
            if anchor not in map(_slug, _HEADING.findall(its_text)):
                yield f"no heading {target}"


def _slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _is_file(path):
    # NAME stands for any.
    return "NAME" in path or (ROOT / path.rstrip("./-")).exists()


def _source(module):
    """The file of a module of ours; None if there is none."""
    path = ROOT / module.replace(".", "/")
    found = [path.with_suffix(".py"), path / "__main__.py", path / "__init__.py"]
    return next((file for file in found if file.is_file()), None)


def _is_defined(name):
    """Whether it is a module, or something that is defined at the top of one."""
    if _source(name):
        return True
    module, _, attribute = name.rpartition(".")
    source = _source(module) if module else None
    if source is None or source.name == "__main__.py":
        return False
    pattern = rf"^(?:def |class )?{attribute}\b"
    return bool(re.search(pattern, source.read_text(), re.MULTILINE))


def _runs(module):
    if module.partition(".")[0] not in PACKAGES:
        return importlib.util.find_spec(module) is not None
    source = _source(module)
    return source is not None and "__main__" in source.name + source.read_text()


@functools.cache
def _tree(source):
    return ast.parse(source.read_text())


@functools.cache
def _flags(source):
    """The flags that a module defines itself."""
    return {
        call.args[0].value
        for call in ast.walk(_tree(source))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr.startswith("DEFINE_")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


@functools.cache
def _config_fields():
    """The fields of all configurations, which are flags of training and export."""
    return {
        line.target.id
        for source in (ROOT / "tf_mt").rglob("*.py")
        for line in ast.walk(_tree(source))
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.value, ast.Call)
        and ast.unparse(line.value.func) in ("field", "config.field")
    }


@functools.cache
def _known_flags():
    sources = [
        source
        for folder in (*PACKAGES, "tests/benchmarks")
        for source in (ROOT / folder).rglob("*.py")
    ]
    ours = set().union(*map(_flags, sources))
    return ours | _config_fields() | set(FOREIGN)


def _imports(source):
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _wrong_flags(text):
    """Flags in commands that are flags of ours, but not of the script they are for."""
    for block in _CODE_BLOCK.findall(text):
        lines = re.sub(r'\\\n|"[^"]*"', " ", block).splitlines()
        for found in filter(None, map(_COMMAND.search, lines)):
            source = (
                ROOT / found["script"] if found["script"] else _source(found["module"])
            )
            if source is None or not source.is_file():
                continue
            # Of scripts of ours one module is imported that only defines flags.
            modules = filter(None, map(_source, _imports(source)))
            known = _flags(source).union(*map(_flags, modules), {"help"})
            if "define_flags" in source.read_text():
                known |= _config_fields()
            for flag in _FLAG.findall(found[3]):
                if flag not in known:
                    yield f"{source.relative_to(ROOT)} has no flag --{flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_what_is_there(page):
    assert problems(page, page.read_text()) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a](docs/nothing.md)", "no file docs/nothing.md"),
        ("# One\n[a](#two)", "no heading #two"),
        ("see `tf_mt/no_such.py`.", "no file tf_mt/no_such.py"),
        ("`tf_mt.config.Missing`", "no tf_mt.config.Missing"),
        ("`tf_mt.no_such`", "no tf_mt.no_such"),
        ("python -m no_such_module", "no module no_such_module"),
        ("python -m tf_mt.names", "no module tf_mt.names"),
        ("`--no_such_flag`", "no flag --no_such_flag"),
        (
            "```sh\npython -m tf_mt.translate \\\n    --port=1\n```",
            "tf_mt/translate.py has no flag --port",
        ),
        (
            "```sh\npython tests/benchmarks/griffin_lim.py --bundle=a\n```",
            "tests/benchmarks/griffin_lim.py has no flag --bundle",
        ),
    ],
)
def test_what_is_not_there_is_found(text, problem):
    assert problem in problems(ROOT / "README.md", text)


@pytest.mark.parametrize(
    "text",
    [
        "# What it is: 1\n[a](#what-it-is-1), [b](docs/data.md#inspection)",
        "`tf_mt.config.Config`, `tf_mt/evaluation/metrics`, `pipelines/<name>`",
        "```sh\npython -m tf_mt.train --steps=1 --run=a  # --preset\n```",
        "```sh\npython -m tf_mt.evaluate --intra_op_threads=1\n```",
    ],
)
def test_what_is_there_passes(text):
    assert problems(ROOT / "README.md", text) == []
