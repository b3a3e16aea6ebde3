"""Everything a user can get wrong on the command line: one table of rows a command, read by tests/test_bad_inputs.py.

A new command's rows go to a file of their own beside this one, and that file's ROWS into ``TABLES``.
"""

from bad_inputs import batch, checkpoints, convert, demo, matte, matte_outputs, traces, trimap

TABLES = (
    matte.ROWS,
    matte_outputs.ROWS,
    batch.ROWS,
    checkpoints.ROWS,
    demo.ROWS,
    trimap.ROWS,
    convert.ROWS,
    traces.ROWS,
)
