"""The tutorials run from the first cell to the last, and are kept with their outputs."""

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "tutorials").glob("*.ipynb"))


# What stands in the cell tagged "parameters" when it is tested: less of the same, so that all of them take minutes.
SMALL = {"07": "CELLS = 4", "09": "STEPS, FINE_STEPS = 8, 3"}


def test_there_are_tutorials():
    assert NOTEBOOKS


def kinds(cell):
    """Kinds of a cell's outputs but for warnings, which depend on what else is installed."""
    return [output.output_type for output in cell.outputs if output.get("name") != "stderr"]


@pytest.mark.extras("nbformat", "nbclient", "ipykernel", "matplotlib")
@pytest.mark.filterwarnings("default")  # of the notebook server's own packages
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_tutorial(path, tmp_path):
    """Every cell runs; every picture and printed line that is kept is there."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kept = [kinds(cell) for cell in code]
    assert any(kept), "the notebook is kept without outputs"
    assert not any("error" in types for types in kept)
    for cell in code:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = SMALL[path.name[:2]]
    # What a cell prints comes in as many pieces as its pauses make; they count as one.
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources, coalesce_streams=True).execute()
    assert [kinds(cell) for cell in code] == kept
