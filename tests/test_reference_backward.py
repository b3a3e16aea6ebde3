"""Every gradient against central differences, on sizes that windows, strides and resizes do not divide.

The bound is 1e-6 of a tensor's largest gradient: differences with a step of 1e-6 are themselves no better than 1e-8.
"""

import ast
import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_vitmatte import reference, reference_backward
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, random_tensors, tiny_config, wide
from numpy_vitmatte.testing.gradients import assert_gradients
from numpy_vitmatte.testing.strategies import checkpoints, pixel_values, seeds
from numpy_vitmatte.training.batch_statistics import own_statistics

SIDES = st.integers(1, 7)
FEW = settings(max_examples=20)

# What reference.py has and a gradient has not: names, what listens, and constants.
WITHOUT_GRADIENT = {"under", "unchanged", "inside", "sample_positions"}
# What only the gradient has: the inverse of ``under``, and what layer norm and batch norm share, and what was kept.
BACKWARD_ONLY = {"above", "normalize_backward", "kept_states"}


def draw(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def weights(seed, **shapes):
    """Random float64 tensors of these shapes; a double underscore is a dot."""
    return wide(random_tensors({name.replace("__", "."): shape for name, shape in shapes.items()}, seed))


def norm(prefix, channels, batch=False):
    """Shapes of a norm's tensors."""
    names = ["weight", "bias", *(["running_mean", "running_var"] if batch else [])]
    return {f"{prefix}{name}": (channels,) for name in names}


def check(name, x, w=None, *settings, more=(), **keywords):
    """Compare ``name`` and ``name_backward``: of x, of further inputs, of the weights.

    Where the function gives more than one array, the first is meant.
    """
    f, f_backward = getattr(reference, name), getattr(reference_backward, f"{name}_backward")
    count = 1 + len(more)
    arrays = {f"input {index}": array for index, array in enumerate([x, *more])} | above(w or {}, "w.")

    def parts(arrays):
        return [arrays[f"input {index}"] for index in range(count)] + ([] if w is None else [under(arrays, "w.")])

    def function(arrays):
        y = f(*parts(arrays), *settings)
        return y[0] if isinstance(y, tuple) else y

    def gradients(dy, arrays):
        found = f_backward(dy, *parts(arrays), *settings)
        found = found if isinstance(found, tuple) else (found,)
        named = {f"input {index}": gradient for index, gradient in enumerate(found[:count])}
        dw = found[count] if w is not None else {}
        assert set(dw) == {name for name in w or {} if "running" not in name}
        return named | above(dw, "w.")

    assert_gradients(function, gradients, arrays, **keywords)


@given(rows=SIDES, columns=SIDES, outputs=SIDES, biased=st.booleans(), seed=seeds())
def test_linear(rows, columns, outputs, biased, seed):
    shapes = {"weight": (outputs, 5)} | ({"bias": (outputs,)} if biased else {})
    check("linear", draw(seed, rows, columns, 5), weights(seed, **shapes))


@given(rows=SIDES, columns=SIDES, channels=st.integers(2, 7), epsilon=st.sampled_from([1e-6, 1e-2]), seed=seeds())
def test_layer_norm(rows, columns, channels, epsilon, seed):
    check("layer_norm", 2 * draw(seed, rows, columns, channels) + 1, weights(seed, **norm("", channels)), epsilon)


@given(rows=SIDES, columns=SIDES, channels=SIDES, epsilon=st.sampled_from([1e-5, 1e-2]), seed=seeds())
def test_batch_norm_with_stored_statistics(rows, columns, channels, epsilon, seed):
    check("batch_norm", draw(seed, rows, columns, channels), weights(seed, **norm("", channels, batch=True)), epsilon)


def own_batch_norm(x, w, epsilon):
    """Batch norm in training mode: by the statistics of x."""
    return reference.batch_norm(x, w | own(x), epsilon)


def own(x):
    return {"running_mean": x.mean(axis=(0, 1)), "running_var": x.var(axis=(0, 1))}


@given(rows=st.integers(2, 7), columns=st.integers(2, 7), channels=SIDES, seed=seeds())
def test_batch_norm_in_training(rows, columns, channels, seed):
    """The statistics move with the input."""
    x, w = 2 * draw(seed, rows, columns, channels) + 1, weights(seed, **norm("", channels))

    def gradients(dy, arrays):
        x, w = arrays["x"], under(arrays, "w.")
        dx, dw = reference_backward.batch_norm_backward(dy, x, w | own(x), 1e-3, training=True)
        return {"x": dx} | above(dw, "w.")

    assert_gradients(
        lambda arrays: own_batch_norm(arrays["x"], under(arrays, "w."), 1e-3), gradients, {"x": x} | above(w, "w.")
    )


@pytest.mark.parametrize("name", ["gelu", "relu", "sigmoid", "softmax"])
@given(rows=SIDES, columns=SIDES, scale=st.sampled_from([1, 6]), seed=seeds())
def test_elementwise_and_softmax(name, rows, columns, scale, seed):
    check(name, scale * draw(seed, rows, columns))


@given(
    rows=st.integers(3, 9), columns=st.integers(3, 9), size=st.integers(1, 3), stride=st.integers(1, 3),
    padding=st.integers(0, 2), biased=st.booleans(), seed=seeds(),
)  # fmt: skip
def test_conv(rows, columns, size, stride, padding, biased, seed):
    """Rows that no window reaches get no gradient."""
    shapes = {"weight": (3, 2, size, 2)} | ({"bias": (3,)} if biased else {})
    check("conv", draw(seed, rows, columns, 2), weights(seed, **shapes), stride, padding)


@pytest.mark.parametrize("name", ["linear_resize", "cubic_resize"])
@given(source=SIDES, target=st.integers(1, 15), seed=seeds())
def test_resizes(name, source, target, seed):
    check(name, draw(seed, source, 2, 3), None, target)


@given(rows=SIDES, columns=SIDES, seed=seeds())
def test_upsample2(rows, columns, seed):
    check("upsample2", draw(seed, rows, columns, 2))


@FEW
@given(images=st.integers(1, 3), rows=SIDES, columns=SIDES, stride=st.integers(1, 2), seed=seeds())
def test_stacks(images, rows, columns, stride, seed):
    """Convolution and doubling of a stack are those of its images, forwards and back; weights' gradients add up."""
    x, w = draw(seed, images, rows, columns, 3), weights(seed, weight=(2, 3, 3, 3), bias=(2,))
    y, doubled = reference.conv(x, w, stride, 1), reference.upsample2(x)
    assert_within(y, [reference.conv(image, w, stride, 1) for image in x], 1e-14, "convolution")
    assert_within(doubled, [reference.upsample2(image) for image in x], 1e-15, "doubling")
    check("conv", x, w, stride, 1)
    check("upsample2", x)


@given(side=st.integers(1, 5), rows=SIDES, columns=SIDES, seed=seeds())
def test_absolute_positions(side, rows, columns, seed):
    """The class token's row has the gradient 0."""
    check("absolute_positions", draw(seed, 1, 1 + side * side, 2), None, rows, columns)


@given(side=st.integers(1, 4), rows=st.integers(1, 4), columns=st.integers(1, 4), positions=st.booleans(), seed=seeds())
def test_patch_embed(side, rows, columns, positions, seed):
    shapes = {"projection__weight": (5, 4, 4, 4), "projection__bias": (5,)}
    shapes |= {"position_embeddings": (1, 1 + side * side, 5)} if positions else {}
    check("patch_embed", draw(seed, 4 * rows, 4 * columns, 4), weights(seed, **shapes))


@given(length=SIDES, stored=st.integers(1, 5), seed=seeds())
def test_relative_positions(length, stored, seed):
    """Tables of the grid's own length, longer and shorter ones."""
    check("relative_positions", draw(seed, 2 * stored - 1, 3), None, length)


def attention_weights(seed, channels, heads, stored, biased=True):
    """Weights of attention; ``stored`` is the grid of the tables, or None."""
    size = channels // heads
    shapes = {"qkv__weight": (3 * channels, channels), "proj__weight": (channels, channels), "proj__bias": (channels,)}
    shapes |= {"qkv__bias": (3 * channels,)} if biased else {}
    if stored:
        shapes |= {"rel_pos_h": (2 * stored[0] - 1, size), "rel_pos_w": (2 * stored[1] - 1, size)}
    return weights(seed, **shapes)


GRIDS = st.none() | st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(rows=st.integers(1, 5), columns=st.integers(1, 5), heads=st.integers(1, 3), stored=GRIDS, biased=st.booleans(),
       seed=seeds())  # fmt: skip
def test_attention(rows, columns, heads, stored, biased, seed):
    """Tables that fit, that are resized, or none; some probabilities are nearly 1."""
    w = attention_weights(seed, 2 * heads, heads, stored, biased)
    check("attention", 2 * draw(seed, rows, columns, 2 * heads), w, heads)


@given(rows=SIDES, columns=SIDES, window=st.integers(1, 5), seed=seeds())
def test_windows(rows, columns, window, seed):
    """Cutting and putting together: what is padded and what is cropped has the gradient 0."""
    x = draw(seed, rows, columns, 2)
    check("into_windows", x, None, window)
    check("out_of_windows", draw(seed, *reference.into_windows(x, window).shape), None, rows, columns)


@given(grids=st.integers(1, 3), rows=st.integers(1, 4), columns=st.integers(1, 4), seed=seeds())
def test_attention_in_several_grids(grids, rows, columns, seed):
    """They share the weights, whose gradients add up."""
    check("attention", draw(seed, grids, rows, columns, 4), attention_weights(seed, 4, 2, (2, 3)), 2)


@given(rows=SIDES, columns=SIDES, window=st.integers(1, 5), seed=seeds())
def test_window_attention(rows, columns, window, seed):
    """Windows that divide the grid, do not, and reach beyond it."""
    w = attention_weights(seed, 4, 2, (window, window))
    check("window_attention", draw(seed, rows, columns, 4), w, 2, window)


MLP = {"fc1.weight": (7, 4), "fc1.bias": (7,), "fc2.weight": (4, 7), "fc2.bias": (4,)}


@given(rows=SIDES, columns=SIDES, seed=seeds())
def test_mlp(rows, columns, seed):
    check("mlp", draw(seed, rows, columns, 4), weights(seed, **MLP))


def neck(prefix=""):
    """Shapes of a neck of 4 channels, and 3 inside: of two, a layer norm would only keep which is larger."""
    convolutions = {"conv1.weight": (3, 4, 1, 1), "conv2.weight": (3, 3, 3, 3), "conv3.weight": (4, 3, 1, 1)}
    norms = norm("norm1.", 3) | norm("norm2.", 3) | norm("norm3.", 4)
    return {prefix + name: shape for name, shape in (convolutions | norms).items()}


@given(rows=SIDES, columns=SIDES, seed=seeds())
def test_residual_neck(rows, columns, seed):
    check("residual_neck", draw(seed, rows, columns, 4), weights(seed, **neck()))


@FEW
@given(rows=SIDES, columns=SIDES, window=st.integers(0, 4), with_neck=st.booleans(), seed=seeds())
def test_block(rows, columns, window, with_neck, seed):
    """Windowed and global, with a neck and without."""
    shapes = norm("norm1.", 4) | norm("norm2.", 4) | above(MLP, "mlp.") | (neck("residual.") if with_neck else {})
    inside = attention_weights(seed + 1, 4, 2, (window, window) if window else (3, 4))
    w = weights(seed, **shapes) | above(inside, "attention.")
    check("block", draw(seed, rows, columns, 4), w, 2, window, 1e-3)


def conv_norm(channels_in, channels_out, prefix=""):
    return {f"{prefix}conv.weight": (channels_out, channels_in, 3, 3)} | norm(
        f"{prefix}batch_norm.", channels_out, True
    )


@FEW
@given(rows=SIDES, columns=SIDES, stride=st.integers(1, 2), seed=seeds())
def test_conv_norm_relu(rows, columns, stride, seed):
    check("conv_norm_relu", draw(seed, rows, columns, 3), weights(seed, **conv_norm(3, 4)), stride, 1e-3)


@FEW
@given(rows=st.integers(1, 12), columns=st.integers(1, 12), details=st.integers(0, 3), seed=seeds())
def test_convstream(rows, columns, details, seed):
    """All maps at once: their entries one after another."""
    image, shapes = draw(seed, rows, columns, 4), {}
    for index in range(details):
        shapes |= conv_norm(4 if index == 0 else 3, 3, f"convs.{index}.")
    w = weights(seed, **shapes)

    def maps_of(arrays):
        return reference.convstream(arrays["image"], under(arrays, "w."), 1e-3)

    def gradients(dy, arrays):
        maps = maps_of(arrays)
        ends = np.cumsum([part.size for part in maps])[:-1]
        dmaps = [part.reshape(of.shape) for part, of in zip(np.split(dy, ends), maps, strict=True)]
        dimage, dw = reference_backward.convstream_backward(dmaps, arrays["image"], under(arrays, "w."), 1e-3)
        return {"image": dimage} | above(dw, "w.")

    assert_gradients(
        lambda arrays: np.concatenate([part.ravel() for part in maps_of(arrays)]), gradients,
        {"image": image} | above(w, "w."),
    )  # fmt: skip


@FEW
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), seed=seeds())
def test_fusion_block(rows, columns, seed):
    features, detail = draw(seed, rows, columns, 3), draw(seed + 1, 2 * rows, 2 * columns, 2)
    check("fusion_block", features, weights(seed, **conv_norm(5, 4, "conv.")), 1e-3, more=[detail])


def head():
    """Shapes of a head of 3 channels."""
    first = {"matting_convs.0.weight": (5, 3, 3, 3), "matting_convs.0.bias": (5,)}
    last = {"matting_convs.3.weight": (1, 5, 1, 1), "matting_convs.3.bias": (1,)}
    return first | norm("matting_convs.1.", 5, batch=True) | last


@FEW
@given(rows=SIDES, columns=SIDES, seed=seeds())
def test_matting_head(rows, columns, seed):
    check("matting_head", draw(seed, rows, columns, 3), weights(seed, **head()))


def network(config, training):
    """The whole network as a function of the picture and the tensors, and its gradients."""

    def run(arrays):
        tensors, kept = under(arrays, "w."), {}
        alpha = reference.vitmatte(arrays["image"], tensors, config, kept.setdefault)
        if training:
            (tensors, _), kept = own_statistics(arrays["image"], kept, tensors, config), {}
            alpha = reference.vitmatte(arrays["image"], tensors, config, kept.setdefault)
        return alpha, tensors, kept

    def gradients(dalpha, arrays):
        _, tensors, kept = run(arrays)
        dimage, dw = reference_backward.vitmatte_backward(dalpha, arrays["image"], tensors, config, kept, training)
        return {"image": dimage} | above(dw, "w.")

    return lambda arrays: run(arrays)[0], gradients


@settings(max_examples=12)
@given(data=st.data(), training=st.booleans())
def test_the_whole_network(data, training):
    """Any configuration that a checkpoint can have, on any picture, batch norm by its own statistics or the stored."""
    checkpoint = data.draw(checkpoints())
    image = data.draw(pixel_values(checkpoint.config, max_batch=1))[0].transpose(1, 2, 0).astype(np.float64)
    arrays = {"image": image} | above(wide(checkpoint.tensors), "w.")
    assert_gradients(*network(checkpoint.config, training), arrays, entries=1)


def sources(module):
    return [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.FunctionDef)]


def test_the_same_functions_in_the_same_order():
    """Each function of the reference has its gradient, in its section, with its arguments behind ``dy``."""
    forward = [node for node in sources(reference) if node.name not in WITHOUT_GRADIENT]
    backward = [node for node in sources(reference_backward) if node.name not in BACKWARD_ONLY]
    assert [f"{node.name}_backward" for node in forward] == [node.name for node in backward]
    for f, f_backward in zip(forward, backward, strict=True):
        own = [argument.arg for argument in f_backward.args.args]
        expected = [argument.arg for argument in f.args.args if argument.arg != "record"]
        assert [name for name in own[1:] if name not in ("training", "kept")] == expected, f.name
        assert own[0].startswith("d")
    headings = [
        [line for line in inspect.getsource(module).splitlines() if line.startswith("# ---")]
        for module in (reference, reference_backward)
    ]
    assert headings[0] == headings[1]


def test_the_gradient_imports_numpy_and_the_reference_alone():
    tree = ast.parse(inspect.getsource(reference_backward))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"math", "numpy"}
    assert froms == {"numpy_vitmatte", "numpy_vitmatte.reference"}


def test_no_other_float_type_is_made():
    """Gradients of float32 arrays are float32."""
    config = tiny_config()
    image, tensors = random_pixels(1, 4, 80, 112)[0].transpose(1, 2, 0), random_checkpoint(config)
    kept = {}
    alpha = reference.vitmatte(image, tensors, config, kept.setdefault)
    dimage, dw = reference_backward.vitmatte_backward(np.ones_like(alpha), image, tensors, config, kept)
    types = {name: gradient.dtype for name, gradient in (dw | {"image": dimage}).items()}
    assert types == dict.fromkeys(types, np.dtype(np.float32))


def test_blocks_behind_the_features_have_no_gradient():
    """The decoder takes the features after one of three blocks."""
    config = tiny_config(out_features=("stage1",))
    image, tensors = random_pixels(1, 4, 32, 48)[0].transpose(1, 2, 0), random_checkpoint(config)
    kept = {}
    alpha = reference.vitmatte(image, tensors, config, kept.setdefault)
    _, dw = reference_backward.vitmatte_backward(np.ones_like(alpha), image, tensors, config, kept)
    assert {name.split(".")[3] for name in dw if name.startswith("backbone.encoder.")} == {"0"}
    assert all(gradient.any() for gradient in dw.values())


# --- checks that cannot fail prove nothing ---------------------------------------------------------------------------

TABLES = attention_weights(0, 4, 2, (3, 3))
CONTROLS = {
    "a sign": ("distribution + x * density", "distribution - x * density", "gelu", draw(0, 3, 4), None),
    "softmax without the mean": (" - (dy * p).sum(axis=-1, keepdims=True)", "", "softmax", draw(0, 3, 4), None),
    "a norm without the mean": ("dy - mean - y", "dy - y", "layer_norm", draw(0, 3, 5), weights(0, **norm("", 5))),
    "a norm without the slope": (" - y * slope", "", "layer_norm", draw(0, 3, 5), weights(0, **norm("", 5))),
    "a norm's weight forgotten": (
        'normalize_backward(dy * w["weight"], normalized, deviation, axes=-1)',
        "normalize_backward(dy, normalized, deviation, axes=-1)", "layer_norm",
        draw(0, 3, 5), weights(0, **norm("", 5)),
    ),
    "a frame that is not cropped": (
        "dpadded[..., padding : padding + x.shape[-3], padding : padding + x.shape[-2], :]",
        "dpadded[..., : x.shape[-3], : x.shape[-2], :]", "conv",
        draw(0, 4, 4, 2), weights(0, weight=(3, 2, 3, 3)), 1, 1,
    ),
    "a window's padding that gives a gradient": (
        "forward.into_windows(dy, windows.shape[1])",
        'forward.into_windows(np.pad(dy, ((0, 2), (0, 1), (0, 0)), mode="edge"), windows.shape[1])',
        "window_attention", draw(0, 4, 5, 4), TABLES, 2, 3,
    ),
    "a scaled query in the bias": (
        '"nhwy,nhwc->hyc", by_row, grid)', '"nhwy,nhwc->hyc", by_row, grid * scale)', "attention",
        draw(0, 3, 3, 4), TABLES, 2,
    ),
    "a key that forgets the scale": (
        "dscore.swapaxes(1, 2) @ q * scale", "dscore.swapaxes(1, 2) @ q", "attention",
        draw(0, 3, 3, 4), TABLES, 2,
    ),
    "key minus query": (
        "np.arange(length)[:, None] - np.arange(length)[None, :]",
        "np.arange(length)[None, :] - np.arange(length)[:, None]", "relative_positions", draw(0, 5, 2), None, 3,
    ),
    "the class token last": ("dtable[0, 1:]", "dtable[0, :-1]", "absolute_positions", draw(0, 1, 5, 2), None, 3, 4),
    "a residual that is not passed": ("return dy + d, dw | above(dnorm1", "return d, dw | above(dnorm1",
        "residual_neck", draw(0, 3, 4, 4), weights(0, **neck()),
    ),
    "features before the detail": ("d[..., :channels], above(dconv", "d[..., -channels:], above(dconv",
        "fusion_block", draw(0, 2, 2, 3), weights(0, **conv_norm(5, 4, "conv.")), 1e-3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("control", CONTROLS)
def test_a_mistake_is_noticed(control, monkeypatch):
    """The gradient with one mistake in its source fails the very check that it passes without."""
    right, wrong, name, x, w, *settings = CONTROLS[control]
    more = [draw(1, 4, 4, 2)] if name == "fusion_block" else []
    check(name, x, w, *settings, more=more)
    source = inspect.getsource(reference_backward)
    assert source.count(right) == 1
    broken = {}
    exec(source.replace(right, wrong), broken)
    monkeypatch.setattr(reference_backward, f"{name}_backward", broken[f"{name}_backward"])
    with pytest.raises(AssertionError, match="central differences give"):
        check(name, x, w, *settings, more=more)


def test_statistics_taken_for_constants_are_noticed():
    """In training mode, every tensor before a batch norm depends on its statistics."""
    config = tiny_config(num_hidden_layers=1, window_block_indices=(0,), residual_block_indices=())
    image = random_pixels(1, 4, 48, 32)[0].transpose(1, 2, 0).astype(np.float64)
    arrays = {"image": image} | above(wide(random_checkpoint(config)), "w.")
    function, _ = network(config, training=True)
    _, frozen = network(config, training=False)
    with pytest.raises(AssertionError, match="central differences give"):
        assert_gradients(function, frozen, arrays, entries=1)
