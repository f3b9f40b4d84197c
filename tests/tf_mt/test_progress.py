import io

import pytest
from tqdm import std

from tf_mt import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which the test moves on."""
    now = [0.0]
    monkeypatch.setattr(std, "time", lambda: now[0])
    return now


def count(clock, seconds, **options):
    """A hundred steps a second, as long as it says."""
    for _ in progress.bar(range(seconds * 100), desc="count", **options):
        clock[0] += 0.01


def test_a_log_gets_a_line_every_ten_seconds(capsys, clock):
    count(clock, 60)
    printed = capsys.readouterr().err
    assert "\r" not in printed
    lines = printed.splitlines()
    assert 6 <= len(lines) <= 8
    assert all(line.startswith("count: ") for line in lines)
    assert lines[0].startswith("count:   0%|")
    assert lines[-1].startswith("count: 100%|")


def test_options_do_not_make_it_more(capsys, clock):
    count(clock, 60, mininterval=0.1)
    assert len(capsys.readouterr().err.splitlines()) <= 8


def test_a_bar_that_is_updated_by_hand(capsys, clock):
    with progress.bar(total=60) as bar:
        for _ in range(60):
            clock[0] += 1.0
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert 6 <= len(lines) <= 8
    assert "60/60" in lines[-1]


def test_one_bar_in_another(capsys, clock):
    with progress.bar(total=1, desc="outer"):
        count(clock, 30)
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    starts = [line.split(":")[0] for line in printed.splitlines()]
    assert starts[0] == starts[-1] == "outer"
    assert set(starts[1:-1]) == {"count"}


def test_a_terminal_gets_one_line_that_moves(monkeypatch, clock):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    count(clock, 60)
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().count("\rcount: ") > 100
