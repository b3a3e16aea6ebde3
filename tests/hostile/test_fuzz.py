"""Damaged and random input of every kind: an answer, or a VitMatteError; never another error, never a wild allocation.

Examples are drawn alike in every run (see ``conftest.py``), so that a red run is red again.
"""

import io
import json
import shutil
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from support.matting_job import PHOTO, TRIMAP
from support.safetensors_files import file_bytes
from support.torch_files import write_tensors

from numpy_vitmatte.checkpoint.conversion import convert
from numpy_vitmatte.checkpoint.safetensors_reader import read_safetensors
from numpy_vitmatte.checkpoint.weights import read_tensors
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.photo_reading import read_photo
from numpy_vitmatte.images.pixel_limit import pixel_limit
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.trimaps.doctor import check_trimap
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask
from numpy_vitmatte.trimaps.reading import read_trimap

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "TGA", "ICO")
CONFIG, PREPROCESSOR, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"
SETTINGS = st.sampled_from(
    ["do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad", "size_divisor"]
)


def encoded(array, kind):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


SOUND = [encoded(array[:12, 14:35], kind) for kind in FORMATS for array in (PHOTO, TRIMAP)]

# Positions are drawn near the beginning more often than not: headers are where readers go wrong.
positions = st.one_of(st.integers(0, 64), st.integers(0, 4000))
edits = st.lists(st.tuples(positions, st.binary(max_size=4), st.integers(0, 4)), max_size=6)


def edited(content, edits, length):
    """Replace some bytes of a file by others, as many or not, and cut it off."""
    for position, new, removed in edits:
        position %= len(content) + 1
        content = content[:position] + new + content[position + removed :]
    return content[:length]


damaged_files = st.one_of(
    st.binary(max_size=200),
    st.builds(edited, st.sampled_from(SOUND), edits, st.one_of(st.none(), st.integers(0, 2000))),
)


def answer_or_error(call, *arguments):
    """The answer, or None where it was refused as it should be; what readers warn of is no matter here."""
    with warnings.catch_warnings(), pixel_limit(1_000_000):
        warnings.simplefilter("ignore")
        try:
            return call(*arguments)
        except VitMatteError as error:
            message = str(error)
    assert message.strip()
    assert "\n" not in message
    return None


# Pictures ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


@settings(max_examples=400)
@given(content=damaged_files)
def test_image_files(file, content):
    file.write_bytes(content)
    photo = answer_or_error(read_photo, file)
    if photo is not None:
        assert photo.ndim == 3
        assert photo.shape[2] == 3
        assert 0 <= photo.min() <= photo.max() <= 255
    assert_trimap(answer_or_error(read_trimap, file))
    assert_masks_and_doctor(file)


def assert_masks_and_doctor(source):
    """Whatever can be read as a trimap can be examined, against itself as a photo too; masks give trimaps."""
    trimap = answer_or_error(trimap_from_mask, source, "5%", 1)
    assert trimap is None or np.isin(trimap, [0, 128, 255]).all()
    diagnosis = answer_or_error(check_trimap, source, source)
    assert (diagnosis is None) == (answer_or_error(read_trimap, source) is None)
    if diagnosis is not None:
        np.testing.assert_array_equal(diagnosis.trimap, answer_or_error(read_trimap, source)[0])
        assert diagnosis.lines()


def assert_trimap(answer):
    if answer is not None:
        trimap, report = answer
        assert trimap.dtype == np.uint8
        assert np.isin(trimap, [0, 128, 255]).all()
        assert report.foreground + report.background + report.unknown == pytest.approx(1)
        assert report.lines()


dtypes = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(),
    hnp.complex_number_dtypes(), hnp.datetime64_dtypes(), hnp.unicode_string_dtypes(max_len=2),
    st.just(np.dtype(object)),
)  # fmt: skip


def arrays_of(dtype):
    """Any values, or those of one of the scales that trimaps come in."""
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    if dtype.kind == "O":
        return hnp.arrays(dtype, shapes, elements=st.sampled_from([None, 0, "a", {}]))
    if dtype.kind in "uif":
        levels = (0, 0.5, 1, 2, 128, 255) if dtype.kind == "f" else (0, 1, 2)
        return st.one_of(hnp.arrays(dtype, shapes), hnp.arrays(dtype, shapes, elements=st.sampled_from(levels)))
    return hnp.arrays(dtype, shapes)


@settings(max_examples=300)
@given(dtypes.flatmap(arrays_of))
def test_trimaps_and_photos_that_are_arrays(array):
    assert_trimap(answer_or_error(read_trimap, array))
    assert_masks_and_doctor(array)
    answer_or_error(read_photo, array)


things = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.binary(max_size=5), st.lists(st.integers()), st.just({})
)


@given(things)
def test_things_that_are_no_pictures(thing):
    assert answer_or_error(read_photo, thing) is None
    assert answer_or_error(read_trimap, thing) is None
    assert answer_or_error(check_trimap, thing) is None
    assert answer_or_error(trimap_from_mask, thing) is None


# Checkpoints ---------------------------------------------------------------------------------------------------------

# Numbers that a careless reader would take for a size to allocate or a count to loop over.
json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 30), st.sampled_from([10**6, 10**9, 10**30, -(10**30)]),
        st.floats(), st.text(max_size=6), st.sampled_from(["stem", "stage1", "relu", "gelu"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(lively_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "checkpoint"
    shutil.copytree(lively_checkpoint, folder)
    return folder


def paths_in(values, path=()):
    """Every place in nested JSON: the keys and indices that lead there."""
    yield path
    children = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in children:
        yield from paths_in(value, (*path, key))


def with_value(values, path, value):
    """The same JSON with another value in one place; `...` takes the place out."""
    if not path:
        return value
    copy = values.copy()
    if value is ... and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = with_value(values[path[0]], path[1:], value)
    return copy


@st.composite
def changed_json(draw, values):
    """One to three places of a settings file hold something else, or nothing."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths_in(values) if path] or [()]))
        values = with_value(values, path, draw(st.one_of(json_values, st.just(...)) if path else json_values))
        if not isinstance(values, (dict, list)):
            break
    return values


def matte_with(checkpoint, name, content):
    """The alpha of a small photo by a checkpoint one of whose files holds something else for once, if there is one."""
    sound = (checkpoint / name).read_bytes()
    # Another file under the name: the old one may still be mapped.
    (checkpoint / name).unlink()
    (checkpoint / name).write_bytes(content)
    try:
        return answer_or_error(matte, PHOTO[:12, 14:35], TRIMAP[:12, 14:35], checkpoint)
    finally:
        (checkpoint / name).unlink()
        (checkpoint / name).write_bytes(sound)


@pytest.mark.parametrize("name", [CONFIG, PREPROCESSOR])
@settings(max_examples=200)
@given(data=st.data())
def test_settings_files(checkpoint, name, data):
    sound = (checkpoint / name).read_bytes()
    content = data.draw(
        st.one_of(
            changed_json(json.loads(sound)).map(lambda values: json.dumps(values).encode()),
            st.builds(edited, st.just(sound), edits, st.none()),
        )
    )
    assert_alpha(matte_with(checkpoint, name, content))


@settings(max_examples=200)
@given(values=st.dictionaries(SETTINGS, json_values, max_size=3))
@example(values={"size_divisor": 10**6})
@example(values={"image_mean": 10**400})
@example(values={"image_std": [1e-300, 1, 1]})
@example(values={"rescale_factor": 1e300})
@example(values={"do_pad": False})
def test_preprocessor_settings(checkpoint, values):
    """Every one of them, also those that the file leaves out."""
    assert_alpha(matte_with(checkpoint, PREPROCESSOR, json.dumps(values).encode()))


def assert_alpha(alpha):
    if alpha is not None:
        assert alpha.shape == (12, 21)
        assert ((alpha >= 0) & (alpha <= 1)).all()


def split(content):
    """The header of a safetensors file as JSON, and the data behind it."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


@given(data=st.data())
def test_headers_of_weights(checkpoint, data):
    header, tensors = split((checkpoint / WEIGHTS).read_bytes())
    changed = data.draw(changed_json(header))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(tensors))))
    assert_alpha(matte_with(checkpoint, WEIGHTS, file_bytes(changed, tensors[:cut])))


@given(edits=edits, length=st.one_of(st.none(), st.integers(0, 5000)))
@example(edits=[(0, b"\xff" * 8, 8)], length=None)
def test_bytes_of_weights(checkpoint, edits, length):
    content = edited((checkpoint / WEIGHTS).read_bytes(), edits, length)
    matte_with(checkpoint, WEIGHTS, content)  # sound bytes of huge numbers may give NaN


# PyTorch's files -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch_file(checkpoint, tmp_path_factory):
    """The same network as torch.save writes it: the folder it lies in, its bytes, its pickle and its storages."""
    folder = tmp_path_factory.mktemp("fuzz-torch")
    tensors = {name: np.frombuffer(t.data, np.float32).reshape(t.shape)
               for name, t in read_safetensors(checkpoint / WEIGHTS).items() if t.dtype == "F32"}  # fmt: skip
    write_tensors(folder / "x.pth", tensors)
    with zipfile.ZipFile(folder / "x.pth") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return folder, (folder / "x.pth").read_bytes(), members


def convert_once(folder, content):
    """Convert a file for once: a checkpoint that loads, or an error of ours and nothing written; little memory used."""
    (folder / "x.pth").write_bytes(content)
    tracemalloc.start()
    try:
        config = answer_or_error(convert, folder / "x.pth", folder / "out")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Hypothesis, zipfile and the configuration's own objects take a megabyte or two whatever the file says.
    assert peak < 4_000_000 + 10 * len(content)
    if config is None:
        assert [path.name for path in folder.iterdir()] == ["x.pth"]
    else:
        read_tensors(folder / "out", config)
        shutil.rmtree(folder / "out")


def archived(members):
    """The members in an archive, their checksums right."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def edited_anywhere(content, edits):
    """Replace bytes at shares of the length."""
    for share, new, removed in edits:
        position = int(share * len(content))
        content = content[:position] + new + content[position + removed :]
    return content


interesting = st.one_of(
    st.binary(max_size=4), st.sampled_from([b"\xff" * 4, b"\xff" * 8, bytes(4), b"\0\0\0\x80", b"\x7f" * 8])
)
edits_anywhere = st.lists(st.tuples(st.floats(0, 1), interesting, st.integers(0, 8)), min_size=1, max_size=4)


def test_a_sound_torch_file(torch_file):
    folder, content, _ = torch_file
    (folder / "x.pth").write_bytes(content)
    config = convert(folder / "x.pth", folder / "out")
    assert read_tensors(folder / "out", config)
    shutil.rmtree(folder / "out")


@settings(max_examples=150)
@given(edits=edits_anywhere)
def test_pickles_of_torch_files(torch_file, edits):
    """The archive is sound around a damaged pickle."""
    folder, _, members = torch_file
    pickled = edited_anywhere(members["archive/data.pkl"], edits)
    convert_once(folder, archived(members | {"archive/data.pkl": pickled}))


@settings(max_examples=150)
@given(edits=edits_anywhere, at_the_end=st.booleans())
def test_archives_of_torch_files(torch_file, edits, at_the_end):
    """Anywhere, or in the directory of the members, where the sizes and places stand."""
    folder, content, _ = torch_file
    start = content.index(b"PK\1\2") if at_the_end else 0
    convert_once(folder, content[:start] + edited_anywhere(content[start:], edits))


@given(content=st.one_of(st.binary(max_size=300), st.binary(max_size=99).map(lambda data: b"PK\5\6" + data)))
def test_things_that_are_no_torch_files(torch_file, content):
    folder, _, _ = torch_file
    convert_once(folder, content)
