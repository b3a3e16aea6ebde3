"""Messages: one line, short, and nothing in them that a terminal would obey."""

import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.safetensors_files import file_bytes

from numpy_vitmatte.cli import main
from numpy_vitmatte.cli.messages import messages_on_stderr
from numpy_vitmatte.errors import CheckpointError, DownloadError, VitMatteError, one_line, shown

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


@pytest.mark.parametrize("command", ["compare {0} {0}", "matte p t -o a --model {1}", "convert {0} out"])
def test_names_in_files_do_not_reach_the_terminal(command, tmp_path, capsys):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    (tmp_path / "model.safetensors").write_bytes(file_bytes({ATTACK: entry}, b"1234"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": ATTACK}))
    status = main(command.format(tmp_path / "model.safetensors", tmp_path).split())
    printed = capsys.readouterr()
    assert status == 2
    assert (printed.out + printed.err).replace("\n", "").isprintable()
