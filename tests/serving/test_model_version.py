import pytest

from serving import model_version
from serving.server.model import Model


def test_the_version_is_the_one_that_answers(tmp_path, save_translator, served):
    for number in (3, 12):
        save_translator(tmp_path / str(number), {"cello": 2.0})
        with served(Model("translator", tmp_path, poll_wait_seconds=0)) as stubs:
            assert model_version.ask(stubs.address, "translator") == number


def test_a_model_that_is_not_served_has_none(toys):
    with pytest.raises(OSError, match="does not say which version of model='gone'"):
        model_version.ask(toys.address, "gone")
