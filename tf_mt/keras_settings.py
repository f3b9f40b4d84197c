"""What the models need of Keras, whatever the user's keras.json and environment say."""

import os

_NEEDED = {
    "backend": "tensorflow",
    "image_data_format": "channels_last",
    "floatx": "float32",
    "epsilon": 1e-7,
}


def use_needed() -> None:
    """Has a command load Keras with what the models need, and without keras.json.

    Does nothing to a Keras that is loaded already.
    """
    os.environ["KERAS_BACKEND"] = _NEEDED["backend"]
    # Keras reads keras.json there, or writes one: no file can be in what is no folder.
    os.environ["KERAS_HOME"] = os.devnull


def check() -> None:
    """Refuses a Keras that is set otherwise; loads it if nobody has.

    Raises:
        ValueError: Keras does not load, or a setting is not the needed one; tells how
            to change it.
    """
    try:
        import keras
    # There is no telling what a broken keras.json leads to.
    except Exception as error:
        raise ValueError(
            f"Keras does not load ({error or type(error).__name__}); set "
            "KERAS_BACKEND=tensorflow, and mend keras.json or set KERAS_HOME to a "
            "folder without one."
        ) from error
    for name, needed in _NEEDED.items():
        found = getattr(keras.config, name)()
        if found != needed:
            raise ValueError(
                f"Keras has {name}={found!r} where tf_mt needs {needed!r}; change it "
                f"in keras.json or {_changed_by(name, needed)}."
            )


def _changed_by(name: str, needed: str | float) -> str:
    if name == "backend":
        return f"by KERAS_BACKEND={needed} before Keras is imported"
    return f"by keras.config.set_{name}({needed!r}) before tf_mt.models is imported"
