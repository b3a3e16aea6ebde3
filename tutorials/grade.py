"""Run notebooks that students handed in, and report their exercises: ``python tutorials/grade.py DIR -o grades.json``.

A notebook is a program, and it runs with your rights: grade strangers' notebooks in a container. A cell that fails does
not stop the others, and a notebook that cannot run at all is reported as such. Needs the extra ``[tutorials]``.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat

_LAST_CELL = "from numpy_vitmatte.teaching import report; report({path!r})"


def main(arguments: list[str] | None = None) -> None:
    """Grade every notebook that is named, or that lies somewhere in a named folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].split(":")[0] + ".")
    parser.add_argument("notebooks", nargs="+", type=Path, help="notebooks, or folders of them")
    parser.add_argument("-o", "--output", type=Path, help="write the JSON here (default: to stdout)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one cell (default: %(default)g)")
    options = parser.parse_args(arguments)
    paths = [path for given in options.notebooks for path in _notebooks(given)]
    grades = {str(path): _grade(path, options.timeout) for path in paths}
    text = json.dumps(grades, indent=2, ensure_ascii=False) + "\n"
    if options.output is None:
        print(text, end="")
    else:
        options.output.write_text(text, encoding="utf-8")


def _notebooks(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in each.parts)


def _grade(path: Path, timeout: float) -> dict[str, Any]:
    """Run a notebook in an empty folder of its own; its last cell, which is added, writes the report there."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "report.json"
        try:
            notebook = nbformat.read(path, as_version=4)
            notebook.cells.append(nbformat.v4.new_code_cell(_LAST_CELL.format(path=str(written))))
            client = nbclient.NotebookClient(
                notebook, timeout=timeout, allow_errors=True, resources={"metadata": {"path": folder}}
            )
            client.execute()
        except Exception as error:  # whatever is wrong with one notebook, the others are graded
            return {"error": f"{type(error).__name__}: {error}"}
        if not written.is_file():
            return {"error": "the notebook ran, but numpy_vitmatte.teaching could not report"}
        return json.loads(written.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
