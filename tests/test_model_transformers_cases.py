"""The cases of transformers' own tests of this model, and what scripts do with a model besides calling it."""

import math

import numpy as np
import pytest

from numpy_vitmatte import AutoModelForImageMatting, reference
from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig
from numpy_vitmatte.errors import CheckpointError, ConfigurationError, VitMatteError
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

NEEDS = "the [parity] extra is not installed; arrays are tested above"

BATCH, SIDE = 13, 32


@pytest.fixture
def config():
    """As transformers tests it: two channels in two heads, two blocks of which the first is seen by the decoder."""
    backbone = VitDetConfig(
        image_size=SIDE,
        patch_size=16,
        num_channels=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        hidden_size=2,
        is_training=True,
        hidden_act="gelu",
        out_features=["stage1"],
    )
    return VitMatteConfig(backbone_config=backbone, backbone=None, hidden_size=2, fusion_hidden_sizes=[128, 64, 32, 16])


@pytest.fixture
def pixels():
    return np.random.default_rng(0).random((BATCH, 4, SIDE, SIDE), np.float32)


@pytest.fixture(scope="module")
def tiny():
    return VitMatteForImageMatting(tiny_config(), random_checkpoint(tiny_config()))


def test_a_batch_through_two_channels(config, pixels):
    """The alphas of the specification, in float64."""
    model = VitMatteForImageMatting(config=config)
    model.to("cpu")
    model.eval()
    alphas = model(pixels).alphas
    assert alphas.shape == (BATCH, 1, SIDE, SIDE)
    tensors = {name: tensor.astype(np.float64) for name, tensor in model.tensors.items()}
    for index in (0, BATCH - 1):
        image = pixels[index].transpose(1, 2, 0).astype(np.float64)
        expected = reference.vitmatte(image, tensors, config)
        np.testing.assert_allclose(alphas[index, 0], expected, rtol=0, atol=1e-6)  # a few float32 roundings


@pytest.mark.parametrize("by_config", [False, True])
def test_hidden_states(config, pixels, by_config):
    """The embeddings and both blocks, also the one that the decoder does not see."""
    if by_config:
        config.output_hidden_states = True
    arguments = {} if by_config else {"output_hidden_states": True}
    states = VitMatteForImageMatting(config).eval()(pixel_values=pixels, **arguments).hidden_states
    assert [state.shape for state in states] == [(BATCH, 2, 2, 2)] * 3


def test_settings_of_a_models_configuration_count_from_the_next_call(tiny):
    model = VitMatteForImageMatting(tiny_config(), tiny.tensors)
    pixels = random_pixels(1, 4, 16, 32)
    assert model(pixels).attentions is None
    model.config.output_attentions = True
    assert len(model(pixels).attentions) == 3
    model.config.return_dict = False
    assert type(model(pixels)) is tuple


def test_random_weights_of_a_configuration_alone(config):
    """The documentation's example; the same every time."""
    model = VitMatteForImageMatting(config)
    assert model.config is config
    for name, tensor in random_parameters(config, seed=0).items():
        np.testing.assert_array_equal(model.tensors[name], tensor)
    assert AutoModelForImageMatting.from_config(config, seed=1).config == config
    for wrong in ("vitmatte-tiny", {}, None):
        with pytest.raises(ConfigurationError, match="expected a VitMatteConfig"):
            VitMatteForImageMatting(wrong)


def test_number_of_parameters():
    """Of ViTMatte-S 25.8 million (the paper says so), without the 1,664 statistics of its batch norms."""
    config = VitMatteConfig()
    model = VitMatteForImageMatting.__new__(VitMatteForImageMatting)  # counting needs no weights
    model.config = config
    everything = sum(math.prod(shape) for shape in parameter_shapes(config).values())
    statistics = 2 * (sum(config.convstream_hidden_sizes) + sum(config.fusion_hidden_sizes) + 16)
    assert model.num_parameters() == model.num_parameters(only_trainable=True) == everything - statistics
    assert round(model.num_parameters(exclude_embeddings=True) / 1e6, 1) == 25.8


def test_forward_is_a_call(tiny):
    pixels = random_pixels(1, 4, 16, 32)
    np.testing.assert_array_equal(tiny.forward(pixels).alphas, tiny(pixels).alphas)


@pytest.mark.parametrize(
    "move",
    [
        lambda model: model.eval(),
        lambda model: model.train(False),
        lambda model: model.requires_grad_(False),
        lambda model: model.cpu(),
        lambda model: model.float(),
        lambda model: model.to("cpu"),
        lambda model: model.to("cpu:0", non_blocking=True),
        lambda model: model.to(device="cpu", dtype="float32"),
        lambda model: model.to(np.float32),
        lambda model: model.to(model.device, model.dtype),
        lambda model: model.to("cpu", "float", True),
    ],
)
def test_where_it_is_already(tiny, move):
    assert move(tiny) is tiny
    assert (tiny.device, tiny.dtype, tiny.training) == ("cpu", np.float32, False)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "meta", 0, "xpu", "cpus"])
def test_other_devices_are_refused(tiny, device):
    message = f"device '{device}' is not there: numpy-vitmatte computes on the CPU"
    for move in (lambda: tiny.to(device), lambda: tiny.to(device=device), lambda: tiny.cuda(device)):
        with pytest.raises(VitMatteError, match=message):
            move()
    with pytest.raises(VitMatteError, match="device 'cuda' is not there"):
        tiny.cuda()


@pytest.mark.parametrize("dtype", ["float16", "half", "bfloat16", "double", np.float16, np.dtype(np.float64)])
def test_other_types_are_announced(tiny, dtype):
    with pytest.warns(UserWarning, match="everything is computed in float32"):
        assert tiny.to(dtype=dtype) is tiny
    with pytest.warns(UserWarning, match="dtype half"):
        assert tiny.half() is tiny
    with pytest.raises(VitMatteError, match="dtype must be a floating-point type, such as 'float32', found"):
        tiny.to(np.int8)


def test_training_is_refused(tiny):
    for ask in (tiny.train, tiny.requires_grad_):
        with pytest.raises(NotImplementedError, match=r"model\.gradients\(pixel_values, alphas\)"):
            ask()


# Loading ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"local_files_only": True},
        {"cache_dir": "somewhere"},
        {"token": "hf_x", "force_download": True},
        {"use_auth_token": True, "trust_remote_code": True},
        {"torch_dtype": "auto", "low_cpu_mem_usage": True, "use_safetensors": True},
        {"dtype": np.float32, "device_map": "auto", "attn_implementation": "sdpa"},
        {"device_map": {"": "cpu"}, "dtype": None, "config": None},
    ],
    ids=str,
)
def test_options_that_change_nothing(lively_checkpoint, options):
    """Of a folder; what the hub's mean is in tests/hub/test_options.py."""
    loaded = VitMatteForImageMatting.from_pretrained(lively_checkpoint, **options)
    expected = VitMatteForImageMatting.from_pretrained(lively_checkpoint)
    assert loaded.config == expected.config
    for name, tensor in expected.tensors.items():
        np.testing.assert_array_equal(loaded.tensors[name], tensor)


def test_configuration_and_its_settings_as_options(lively_checkpoint):
    load = VitMatteForImageMatting.from_pretrained
    assert load(lively_checkpoint, output_hidden_states=True, return_dict=False).config.output_hidden_states
    own = VitMatteConfig.from_pretrained(lively_checkpoint, note="own")
    assert load(lively_checkpoint, config=own).config.note == "own"
    assert AutoModelForImageMatting.from_pretrained(lively_checkpoint, output_attentions=True).config.output_attentions
    with pytest.raises(CheckpointError, match="do not fit the configuration"):
        load(lively_checkpoint, config=tiny_config())


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
@pytest.mark.parametrize("dtype", ["float16", np.float16, "bfloat16"])
def test_half_precision_loads_and_is_announced(lively_checkpoint, name, dtype):
    with pytest.warns(UserWarning, match=r"dtype b?float16: .* computed in float32"):
        model = VitMatteForImageMatting.from_pretrained(lively_checkpoint, **{name: dtype})
    assert {tensor.dtype for tensor in model.tensors.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"device_map": "cuda"}, VitMatteError, "device 'cuda' is not there"),
        ({"device_map": {"": "cpu", "decoder": "cuda:0"}}, VitMatteError, "device 'cuda:0' is not there"),
        ({"dtype": "int8"}, VitMatteError, "dtype must be a floating-point type, such as 'float32', found 'int8'"),
        ({"load_in_8bit": True, "gguf_file": "x"}, TypeError, r"from_pretrained\(\) has no option load_in_8bit, gguf"),
        ({"local_files_only": 1}, CheckpointError, "local_files_only must be true or false, found a int"),
        ({"cache_dir": 3}, CheckpointError, "cache_dir must be the path of a folder, found a int"),
        ({"token": 3}, CheckpointError, "token must be a string or true or false"),
        ({"token": "hf_x\nHost: y"}, CheckpointError, "token holds a space or another character"),
        ({"subfolder": "../.."}, CheckpointError, "subfolder must lie inside the directory"),
        ({"subfolder": "/tmp"}, CheckpointError, "subfolder must lie inside the directory"),
        ({"subfolder": "none"}, CheckpointError, "has no folder 'none'"),
        ({"output_attentions": "yes"}, ConfigurationError, "output_attentions must be true or false"),
    ],
)
def test_options_that_are_refused(lively_checkpoint, options, error, message):
    with pytest.raises(error, match=message):
        VitMatteForImageMatting.from_pretrained(lively_checkpoint, **options)


def test_saved_as_safetensors_alone(tiny, tmp_path):
    tiny.save_pretrained(tmp_path / "safe", safe_serialization=True)
    with pytest.raises(CheckpointError, match="only safetensors are written"):
        tiny.save_pretrained(tmp_path / "unsafe", safe_serialization=False)
    assert [path.name for path in tmp_path.iterdir()] == ["safe"]


# Tensors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "bfloat16"])
def test_tensors_in_and_out(tiny, kind):
    """The same bits as with an array; results are float32 tensors on the CPU, also in a plain tuple."""
    torch = pytest.importorskip("torch", reason=NEEDS)
    array = random_pixels(2, 4, 16, 32)
    tensor = torch.from_numpy(array).to(getattr(torch, kind)).requires_grad_()
    expected = tiny(tensor.detach().to(torch.float32).numpy(), True, True)
    with torch.no_grad():
        found = tiny(tensor, True, True)
    assert found.loss is None
    for own, other in zip(found.to_tuple(), expected.to_tuple(), strict=True):
        for one, another in zip(*((x if isinstance(x, tuple) else (x,)) for x in (own, other)), strict=True):
            assert (type(one), one.dtype, one.requires_grad) == (torch.Tensor, torch.float32, False)
            np.testing.assert_array_equal(one.numpy(), another)
    assert type(tiny(tensor, return_dict=False)[0]) is torch.Tensor


@pytest.mark.parity
def test_wanted_pixels_and_lists_of_tensors(tiny):
    torch = pytest.importorskip("torch", reason=NEEDS)
    array = random_pixels(2, 4, 16, 32)
    wanted = np.zeros((2, 16, 32), bool)
    wanted[:, 3:5] = True
    expected = tiny(array, wanted=wanted).alphas
    np.testing.assert_array_equal(tiny(torch.from_numpy(array), wanted=torch.from_numpy(wanted)).alphas, expected)
    in_a_list = tiny([torch.from_numpy(each) for each in array]).alphas
    assert type(in_a_list) is np.ndarray
    np.testing.assert_array_equal(in_a_list, tiny(array).alphas)
    with pytest.raises(VitMatteError, match=r"pixel_values has shape \(4, 16, 32\)"):
        tiny(torch.from_numpy(array[0]))


@pytest.mark.parity
@pytest.mark.parametrize("place", ["device", "dtype"])
def test_objects_of_torch(tiny, place):
    torch = pytest.importorskip("torch", reason=NEEDS)
    if place == "device":
        assert tiny.to(torch.device("cpu")) is tiny
        with pytest.raises(VitMatteError, match="device 'cuda:0' is not there"):
            tiny.to(torch.device("cuda", 0))
    else:
        assert tiny.to(torch.float32) is tiny
        with pytest.warns(UserWarning, match="dtype bfloat16"):
            tiny.to(torch.device("cpu"), torch.bfloat16)
