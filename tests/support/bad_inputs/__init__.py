"""Everything a user can get wrong on the command line: a table of rows for each command.

``tests/cli/test_bad_inputs.py`` reads ``TABLES``. A new command's rows go to a file of their own in this folder, and
that file's ROWS into ``TABLES``.
"""

from support.bad_inputs import batch, checkpoints, convert, demo, finetune, matte, matte_outputs, traces, trimap

TABLES = (
    matte.ROWS,
    matte_outputs.ROWS,
    batch.ROWS,
    checkpoints.ROWS,
    demo.ROWS,
    finetune.ROWS,
    trimap.ROWS,
    convert.ROWS,
    traces.ROWS,
)
