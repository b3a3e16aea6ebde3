"""The public face of the model: what it takes, what it gives, what it refuses."""

import inspect
import threading
from dataclasses import fields

import numpy as np
import pytest

from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.model import ImageMattingOutput, VitMatteForImageMatting
from numpy_vitmatte.runtime import workspace
from numpy_vitmatte.runtime.jit import kernels_compiled
from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.runtime.workspace import forget
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

CONFIG = tiny_config()
TENSORS = random_checkpoint(CONFIG)
PIXELS = random_pixels(2, 4, 48, 112)


@pytest.fixture(scope="module")
def model():
    return VitMatteForImageMatting(CONFIG, TENSORS)


@pytest.fixture(scope="module")
def alphas(model):
    """Alphas of ``PIXELS``, for comparison with other ways to get them."""
    return model(PIXELS).alphas


def same(actual, expected):
    """Every array of two outputs has the same bits."""
    for own, other in zip(actual.to_tuple(), expected.to_tuple(), strict=True):
        for one, another in zip(*((x if isinstance(x, tuple) else (x,)) for x in (own, other)), strict=True):
            np.testing.assert_array_equal(one, another)


def test_alphas_alone_by_default(model, alphas):
    """(B, 1, H, W) between 0 and 1; nothing else is kept."""
    out = model(PIXELS)
    assert isinstance(out, ImageMattingOutput)
    assert (out.loss, out.hidden_states, out.attentions) == (None, None, None)
    assert out.alphas.shape == (2, 1, 48, 112)
    assert out.alphas.dtype == np.float32
    assert out.alphas.min() >= 0
    assert out.alphas.max() <= 1
    assert out.alphas.std() > 0.01


def test_shapes_of_hidden_states_and_attentions(model):
    """Grid of 3 x 7 tokens, windows of 5 in blocks 0 and 2: one row of two windows a picture."""
    out = model(PIXELS, output_hidden_states=True, output_attentions=True)
    assert [state.shape for state in out.hidden_states] == [(2, 18, 3, 7)] * 4
    assert [each.shape for each in out.attentions] == [(4, 3, 25, 25), (2, 3, 21, 21), (4, 3, 25, 25)]
    for array in (*out.hidden_states, *out.attentions):
        assert array.dtype == np.float32
    for each in out.attentions:
        np.testing.assert_allclose(each.sum(-1), 1, rtol=0, atol=2e-6)  # 25 terms of float32


def test_what_is_kept_does_not_change_the_alphas(model, alphas):
    """Another path through the attention layers, the same bits."""
    np.testing.assert_array_equal(model(PIXELS, True, True).alphas, alphas)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("attentions", [False, True])
def test_configuration_decides_what_is_not_asked_for(model, hidden, attentions):
    """As in transformers; an argument overrules it."""
    config = tiny_config(output_hidden_states=hidden, output_attentions=attentions)
    out = VitMatteForImageMatting(config, TENSORS)(PIXELS)
    assert (out.hidden_states is not None, out.attentions is not None) == (hidden, attentions)
    same(out, model(PIXELS, output_hidden_states=hidden, output_attentions=attentions))
    other = VitMatteForImageMatting(config, TENSORS)(
        PIXELS, output_hidden_states=not hidden, output_attentions=not attentions
    )
    assert (other.hidden_states is not None, other.attentions is not None) == (not hidden, not attentions)


def test_output_holds_what_there_is(model):
    """By name and by place among the entries that are not None; a mapping of names, as transformers' outputs are."""
    out = model(PIXELS, output_attentions=True)
    assert len(out) == 2
    assert out[0] is out["alphas"] is out.alphas
    assert out[1] is out["attentions"] is out.attentions
    assert out[:1] == (out.alphas,)
    assert list(out) == list(out.keys()) == ["alphas", "attentions"]
    assert "hidden_states" not in out
    assert dict(**out)["attentions"] is out.attentions
    with pytest.raises(IndexError):
        out[2]
    with pytest.raises(KeyError, match="alpha"):
        out["alpha"]
    with pytest.raises(KeyError, match="loss"):
        out["loss"]


@pytest.mark.parametrize("by_config", [True, False])
def test_plain_tuple(model, by_config):
    """``return_dict=False``, as an argument or in the configuration: alphas, hidden states, attentions."""
    if by_config:
        out = VitMatteForImageMatting(tiny_config(return_dict=False), TENSORS)(PIXELS, True, True)
    else:
        out = model(PIXELS, output_hidden_states=True, output_attentions=True, return_dict=False)
    assert type(out) is tuple
    same(ImageMattingOutput(None, *out), model(PIXELS, True, True))


@pytest.mark.parity
def test_names_and_order_are_those_of_transformers(model):
    """Of the output's entries and of the call's arguments."""
    reason = "the [parity] extra is not installed; the names are also asserted in test_output_holds_what_there_is"
    pytest.importorskip("torch", reason=reason)
    modeling = pytest.importorskip("transformers.models.vitmatte.modeling_vitmatte", reason=reason)
    own, other = ([field.name for field in fields(cls)] for cls in (ImageMattingOutput, modeling.ImageMattingOutput))
    assert own == other
    assert list(modeling.ImageMattingOutput(alphas=PIXELS)) == list(ImageMattingOutput(alphas=PIXELS)) == ["alphas"]
    theirs = list(inspect.signature(modeling.VitMatteForImageMatting.forward).parameters)
    own = inspect.signature(VitMatteForImageMatting.__call__).parameters
    assert list(own)[:-1] == theirs[:-1]  # without the keywords that each has of its own


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (zeros(4, 48, 112), r"shape \(4, 48, 112\); expected \(batch, 4, height, width\)"),
        (zeros(1, 3, 48, 112), r"shape \(1, 3, 48, 112\); expected \(batch, 4"),
        (zeros(1, 48, 112, 4), r"shape \(1, 48, 112, 4\); expected \(batch, 4"),
        (zeros(1, 5, 48, 112), r"shape \(1, 5, 48, 112\)"),
        (zeros(0, 4, 48, 112), "none of them 0"),
        (zeros(1, 4, 0, 112), "none of them 0"),
        (zeros(1, 4, 48, 0), "none of them 0"),
        (zeros(), r"shape \(\); expected"),
        ("photo.png", r"shape \(\); expected"),
        (None, r"shape \(\); expected"),
        ([zeros(4, 16, 32), zeros(4, 32, 16)], "images of different sizes; call the model once per size"),
        (zeros(1, 4, 50, 112), "50 high and 112 wide; both must be multiples of the patch size 16"),
        (zeros(1, 4, 48, 15), "48 high and 15 wide; both must be multiples of the patch size 16"),
        (zeros(1, 4, 48, 112, dtype=np.uint8), "of type uint8; expected floating point"),
        (zeros(1, 4, 48, 112, dtype=bool), "of type bool; expected floating point"),
        (zeros(1, 4, 48, 112, dtype=complex), "of type complex128; expected floating point"),
        (np.full((1, 4, 16, 16), np.nan), "NaN or infinite"),
        (np.full((1, 4, 16, 16), -np.inf, np.float32), "NaN or infinite"),
        (np.full((1, 4, 256, 16), 1e300), "NaN or infinite"),
    ],
)
def test_refuses_what_is_no_batch_of_pictures(model, pixels, message):
    """What was found, what was expected."""
    with pytest.raises(VitMatteError, match=message):
        model(pixels)


def test_one_bad_pixel_is_refused(model):
    """In any picture of a batch."""
    pixels = PIXELS.copy()
    pixels[1, 3, 47, 111] = np.nan
    with pytest.raises(VitMatteError, match="every pixel must be a finite number"):
        model(pixels)


def read_only(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("value", [3e38, -3e38, 1e30, 1.001e6, -2e6])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (0, 3, 15, 15), (0, slice(None), slice(None), slice(None))])
def test_numbers_that_may_overflow_are_refused(model, value, place):
    """An overflow need not be seen in the alpha: a ReLU makes 0 of NaN, a layer norm zeros of infinite variance."""
    pixels = zeros(1, 4, 16, 16)
    pixels[place] = value
    with pytest.raises(VitMatteError, match=r"pixel_values reaches -?\S+; expected rescaled and normalized pixels"):
        model(pixels)


def test_what_was_not_rescaled_is_computed(model):
    """16 bits as they are, with the smallest of the usual deviations: nothing that a photo can hold is refused."""
    pixels = (PIXELS > 0).astype(np.float32) * np.float32(65535 / 0.224)
    assert np.isfinite(model(pixels).alphas).all()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("backbone.encoder.layer.0.attention.qkv", 3e38),
        ("backbone.encoder.layer.0.mlp.fc2", 1e19),  # finite tokens, whose layer norm would be 0
        ("decoder.convstream.convs.0.conv", -3e38),
        ("decoder.fusion_blocks.0.conv.conv", 1e35),
        ("decoder.matting_head.matting_convs.0", 3e38),
        ("decoder.matting_head.matting_convs.3", -1e37),
    ],
)
def test_weights_that_overflow_give_no_alpha(part, value):
    """They are finite themselves, so that loading cannot tell; of the decoder the alpha would look ordinary."""
    tensors = {
        name: np.full_like(tensor, value) if name == f"{part}.weight" else tensor
        for name, tensor in random_checkpoint(CONFIG).items()
    }
    with np.errstate(all="ignore"), pytest.raises(VitMatteError, match="float32 overflows in the network"):
        VitMatteForImageMatting(CONFIG, tensors)(PIXELS)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.tolist(),
        lambda x: np.asfortranarray(x),
        lambda x: x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
        lambda x: read_only(x.transpose(0, 2, 3, 1).copy()).transpose(0, 3, 1, 2),
        lambda x: np.repeat(x, 2, axis=3)[..., ::2],
        lambda x: x[:, :, ::-1].copy()[:, :, ::-1],
    ],
    ids=[
        "float64",
        "lists",
        "Fortran order",
        "channels last",
        "channels last, read-only",
        "every second column",
        "negative stride",
    ],
)
def test_other_layouts_of_the_same_pixels(model, alphas, change):
    """The same numbers give the same bits, however they lie in memory, and no kernel is compiled once more for it."""
    before = kernels_compiled()
    np.testing.assert_array_equal(model(change(PIXELS)).alphas, alphas)
    assert kernels_compiled() == before


def test_half_precision_is_widened(model):
    """float16 pixels are computed in float32."""
    half = PIXELS.astype(np.float16)
    np.testing.assert_array_equal(model(half).alphas, model(half.astype(np.float32)).alphas)


def test_input_is_left_alone(model, alphas):
    """Not even a read-only array is a problem."""
    pixels = PIXELS.copy()
    pixels.flags.writeable = False
    np.testing.assert_array_equal(model(pixels).alphas, alphas)
    np.testing.assert_array_equal(pixels, PIXELS)


def test_tensors_are_left_alone(model, alphas):
    """A call leaves nothing behind, neither in the weights nor in what earlier calls returned."""
    before = alphas.copy()
    model(PIXELS[::-1].copy() * 2)
    np.testing.assert_array_equal(alphas, before)
    for name, tensor in random_checkpoint(CONFIG).items():
        np.testing.assert_array_equal(TENSORS[name], tensor, err_msg=name)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_same_bits_for_any_number_of_threads(model, threads):
    """Of everything the model returns."""
    set_num_threads(1)
    expected = model(PIXELS, output_attentions=True, output_hidden_states=True)
    set_num_threads(threads)
    same(model(PIXELS, output_attentions=True, output_hidden_states=True), expected)


def test_several_threads_use_one_model(model, alphas):
    """As in a server: each gets its own picture's bits."""
    set_num_threads(2)
    results = {}

    def call(index):
        picture = index % 2
        results[index] = [model(PIXELS[picture : picture + 1]).alphas for _ in range(3)]

    callers = [threading.Thread(target=call, args=(index,)) for index in range(5)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert sorted(results) == list(range(5))
    for index, several in results.items():
        for own in several:
            np.testing.assert_array_equal(own[0], alphas[index % 2])


def test_memory_that_is_handed_on_changes_no_bit(model):
    """A picture after itself, after one of another size, half of it alone, and with a budget, which keeps nothing."""
    small, large = random_pixels(2, 4, 32, 48), random_pixels(1, 4, 64, 32)
    wanted = np.zeros((len(large), 64, 32), bool)
    wanted[:, :32] = True
    forget()
    first = {pixels.shape: model(pixels).alphas for pixels in (small, large)}
    for pixels in (large, small, small, large):
        np.testing.assert_array_equal(model(pixels).alphas, first[pixels.shape])
        np.testing.assert_array_equal(
            model(large, wanted=wanted).alphas[:, 0][wanted], first[large.shape][:, 0][wanted]
        )
    assert sum(block.nbytes for block in workspace._idle) > 0
    np.testing.assert_array_equal(model(large, max_memory="1GB").alphas, first[large.shape])
    assert sum(block.nbytes for block in workspace._idle) == 0


def test_from_config_is_decided_by_its_seed():
    """The same seed, the same tensors; another seed, others."""
    drawn = [VitMatteForImageMatting.from_config(CONFIG, seed) for seed in (3, 3, 4)]
    expected = random_parameters(CONFIG, 3)
    for each in drawn[:2]:
        for name, tensor in each.tensors.items():
            np.testing.assert_array_equal(tensor, expected[name])
    name = "backbone.encoder.layer.0.attention.qkv.weight"
    assert (drawn[2].tensors[name] != expected[name]).any()
    np.testing.assert_array_equal(drawn[0](PIXELS).alphas, drawn[1](PIXELS).alphas)


@pytest.mark.parametrize("as_text", [True, False])
def test_saved_and_loaded(model, tmp_path, as_text):
    """All bits survive; the folder may be a Path or text, and is remembered."""
    model.save_pretrained(tmp_path)
    loaded = VitMatteForImageMatting.from_pretrained(str(tmp_path) if as_text else tmp_path)
    assert loaded.directory == tmp_path
    assert loaded.config.backbone_config == CONFIG.backbone_config
    same(loaded(PIXELS, True, True), model(PIXELS, True, True))
