"""Messages: one line, short, and nothing in them that a terminal would obey."""

import json
import logging
import pickle
import threading
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.safetensors_files import file_bytes

from numpy_vitmatte.cli import main
from numpy_vitmatte.cli.messages import messages_on_stderr
from numpy_vitmatte.errors import (
    CheckpointError,
    DownloadError,
    VitMatteError,
    collected_warnings,
    one_line,
    shown,
    warn,
)

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two  spaces stay", "two  spaces stay"),
        ("Schlüssel 鍵 🗝", "Schlüssel 鍵 🗝"),
        (" ends\nare \r\n\t joined\u2028here\n", "ends are joined here"),
        ("\x1b[31m\x07\x00\x9b\u202e", r"\x1b[31m\x07\x00\x9b\u202e"),
        ("not UTF-8: \udcff", r"not UTF-8: \udcff"),
    ],
)
def test_one_line(text, line):
    assert one_line(text) == line


@given(st.text())
def test_every_text_becomes_one_printable_line(text):
    assert one_line(text).isprintable()
    assert one_line(one_line(text)) == one_line(text)


@pytest.mark.parametrize("kind", [VitMatteError, CheckpointError, DownloadError])
def test_errors_are_safe_to_print(kind):
    error = kind(f"tensor {ATTACK}\nis missing")
    assert str(error) == r"tensor \x1b]0;owned\x07\x1b[2J\x9b31m\u202e is missing"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert len(str(kind("x" * 10**6))) == 2003


def _nested(depth):
    return [_nested(depth - 1)] if depth else []


def _endless():
    values = []
    values.append(values)
    return values


LONG = [10**5000, [9] * 10**6, "x" * 10**6, _nested(500), _endless(), {"a": 10**5000}]


@pytest.mark.parametrize("value", LONG, ids=range(len(LONG)))
def test_values_are_shown_short(value):
    assert 0 < len(shown(value)) < 1000


@pytest.mark.parametrize("value", [3, "a", None, [1.0, 2], {"b": 1}, ("stage1", True)])
def test_short_values_are_shown_as_they_are(value):
    assert shown(value) == repr(value)


def test_log_lines_and_warnings_are_safe_to_print(capsys):
    with messages_on_stderr(logging.INFO):
        logging.getLogger("numpy_vitmatte").warning("photo %s\nis odd", ATTACK)
    assert capsys.readouterr().err == "numpy-vitmatte: photo " + one_line(ATTACK) + " is odd\n"


def test_warnings_are_python_s_unless_somebody_collects_them():
    with pytest.warns(UserWarning, match="^odd$") as caught:
        warn("odd")
    assert caught[0].filename == __file__


def test_warnings_are_collected_without_a_word_to_the_other_threads():
    """Python's ``catch_warnings`` exchanges the filters of the whole process."""
    both = threading.Barrier(2)
    filters, show, found = list(warnings.filters), warnings.showwarning, {}

    def collect(name):
        with collected_warnings() as collected:
            both.wait(30)
            warn(f"of {name}")
            warn(f"of {name}")
            assert warnings.filters == filters
            assert warnings.showwarning is show
            both.wait(30)
        found[name] = collected

    threads = [threading.Thread(target=collect, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": ["of a"], "b": ["of b"]}


@pytest.mark.parametrize("command", ["compare {0} {0}", "matte p t -o a --model {1}", "convert {0} out"])
def test_names_in_files_do_not_reach_the_terminal(command, tmp_path, capsys):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    (tmp_path / "model.safetensors").write_bytes(file_bytes({ATTACK: entry}, b"1234"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": ATTACK}))
    status = main(command.format(tmp_path / "model.safetensors", tmp_path).split())
    printed = capsys.readouterr()
    assert status == 2
    assert (printed.out + printed.err).replace("\n", "").isprintable()
