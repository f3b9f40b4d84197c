import keras
import pytest

from tf_mt.training import precision


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
