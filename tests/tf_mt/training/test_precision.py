import dataclasses

import keras
import pytest

from tf_mt import config, dataset, models
from tf_mt.training import precision, run


def test_policy_lasts_for_its_block():
    before = keras.config.dtype_policy()
    with pytest.raises(RuntimeError), precision.policy(precision.BFLOAT16):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        raise RuntimeError
    assert keras.config.dtype_policy() == before


@pytest.mark.parametrize(
    ("listed", "expected"),
    [("flags : fpu avx512_bf16 sse", precision.BFLOAT16), ("flags : avx2", "float32")],
)
def test_bfloat16_only_where_the_processor_has_it(
    listed, expected, tmp_path, monkeypatch
):
    (tmp_path / "cpuinfo").write_text(listed)
    monkeypatch.setattr(precision, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda kind: [])
    assert precision.fastest() == expected


def test_auto_is_what_is_fastest(monkeypatch):
    monkeypatch.setattr(precision, "fastest", lambda: precision.BFLOAT16)
    assert precision.resolved("auto") == precision.BFLOAT16
    assert precision.resolved("float32") == "float32"


def test_a_run_keeps_the_precision_that_it_began_with(tmp_path, monkeypatch):
    tiny = models.preset("vae_gan", "tiny")
    training = dataclasses.replace(tiny.training, precision="auto")
    preset = config.Preset(tiny.model, training)
    info = dataset.DatasetInfo("toy", 8000, ("cello", "flute"))
    monkeypatch.setattr(precision, "fastest", lambda: precision.BFLOAT16)
    folder = run.Run(tmp_path)
    begun = folder.settle(run.settings_of("vae_gan", preset, info))
    assert begun["training"]["precision"] == "auto"
    assert begun["resolved_precision"] == precision.BFLOAT16
    folder.save(run.build(begun), 1, [])
    monkeypatch.setattr(precision, "fastest", lambda: "float32")
    assert folder.settle(run.settings_of("vae_gan", preset, info)) == begun
