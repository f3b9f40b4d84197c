import json
import os
import re
import subprocess
import sys

import keras
import pytest

from tf_mt import keras_settings

COMMAND = """
from tf_mt import startup
with startup.quiet():
    from tf_mt import models
    import keras
print(keras.config.backend(), keras.config.image_data_format(), keras.config.floatx())
"""


def execute(program, home, **environment):
    """Runs a program where keras.json is in `home`, with all else as it is here."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_")}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=inherited | {"KERAS_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("image_data_format", "channels_first"), ("floatx", "float64"), ("epsilon", 1e-3)],
)
def test_other_settings_are_refused(name, value):
    keras_settings.check()
    change = getattr(keras.config, f"set_{name}")
    before = getattr(keras.config, name)()
    change(value)
    try:
        with pytest.raises(ValueError, match=rf"{name}={value!r} .*\.set_{name}\("):
            keras_settings.check()
    finally:
        change(before)
    keras_settings.check()


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"backend='jax' .* KERAS_BACKEND=tensorflow"):
        keras_settings.check()


@pytest.mark.slow
def test_commands_have_what_they_need(tmp_path):
    settings = {"image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / "keras.json").write_text(json.dumps(settings | {"backend": "torch"}))
    done = execute(COMMAND, tmp_path, KERAS_BACKEND="jax")
    assert done.stdout == "tensorflow channels_last float32\n"
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "environment", "sentence"),
    [
        ('{"image_data_format": "channels_first"}', {}, "needs 'channels_last'"),
        ("[1]", {}, "Keras does not load .*; set KERAS_BACKEND=tensorflow"),
        ("{}", {"KERAS_BACKEND": "none"}, r"Keras does not load \(Unable to import"),
    ],
)
def test_the_library_says_what_it_needs(settings, environment, sentence, tmp_path):
    (tmp_path / "keras.json").write_text(settings)
    done = execute("import tf_mt.models.umt", tmp_path, **environment)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ValueError: Keras")
    assert re.search(sentence, last)
