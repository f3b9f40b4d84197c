"""The tables of docs/serving.md name tests that exist, and all cases of the suite."""

import ast
import pathlib
import re

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "serving.md"


def cases():
    """{name of a case: the file it is in}"""
    return {
        node.name: path.name
        for path in HERE.glob("test_*.py")
        if path != pathlib.Path(__file__)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def named(heading="Conformance"):
    """The cases that rows of a table name, one list for each row."""
    _, _, section = PAGE.read_text().partition(f"\n## {heading}\n")
    rows = re.findall(r"^\| .*$", section.partition("\n## ")[0], re.MULTILINE)
    return {row: re.findall(r"`(test_\w+)`", row) for row in rows[1:]}


def test_every_row_names_cases_that_exist():
    assert len(named()) > 20
    for row, names in named().items():
        assert names, row
        assert not set(names) - set(cases()), row


def test_every_case_is_in_one_row():
    listed = [name for names in named().values() for name in names]
    assert sorted(listed) == sorted(cases())


def test_faults_are_tested():
    defined = {
        name
        for path in HERE.parents[1].rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    listed = [name for names in named("Faults").values() for name in names]
    assert listed
    assert set(listed) <= defined
