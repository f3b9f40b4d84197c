import pytest

from tf_mt import script


@pytest.mark.parametrize(
    "error", [ValueError("no"), FileNotFoundError("no"), FloatingPointError("no")]
)
def test_expected_errors_are_one_line(error, capsys):
    def action():
        raise error

    assert script.guard(action) == 1
    assert capsys.readouterr().err == "error: no\n"


def test_interrupt_has_its_own_status(capsys):
    def action():
        raise KeyboardInterrupt

    assert script.guard(action) == 130


def test_bugs_keep_their_traceback():
    def action():
        raise TypeError("a bug")

    with pytest.raises(TypeError):
        script.guard(action)
