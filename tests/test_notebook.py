"""The notebook runs from its first cell to its last."""

import pathlib

import nbclient
import nbformat
import pytest

NOTEBOOK = pathlib.Path(__file__).parents[1] / "docs" / "translate.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_cell_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    run_in = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=150, resources=run_in).execute()
    shown = [
        mime
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for mime in output.get("data", {})
    ]
    assert shown.count("text/html") == 2  # The players of source and translation.
    assert shown.count("image/png") == 1
    written = sorted(path.name for path in (tmp_path / "translations").iterdir())
    assert written == ["cello.png", "scale.wav", "scale_cello.wav"]
