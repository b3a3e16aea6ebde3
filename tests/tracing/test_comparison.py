"""Two traces: the first layer that differs, with numbers worked by hand."""

import math

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config
from numpy_vitmatte.tracing import compare_traces
from numpy_vitmatte.tracing.network import trace_image

EMBEDDINGS, LAYER, HEAD = "backbone.embeddings", "backbone.encoder.layer.0", "decoder.matting_head"


def layers(**changes):
    """Three layers of size 1, 5 and 2; the names in a file's order, not the network's."""
    arrays = {HEAD: [[2.0, -2.0]], EMBEDDINGS: [1.0, -1.0, 1.0], LAYER: [7.0, -1.0]}
    return {name: np.array(value, np.float32) for name, value in (arrays | changes).items() if value is not None}


def first(a, b, *options, **more):
    return compare_traces(a, b, *options, **more).first_difference


def test_equal():
    comparison = compare_traces(layers(), layers())
    assert [layer.name for layer in comparison.layers] == [EMBEDDINGS, LAYER, HEAD]
    assert {(layer.difference, layer.agree, layer.text) for layer in comparison.layers} == {(0.0, True, "equal")}
    assert comparison.first_difference is None


def test_the_difference_is_a_share_of_the_size():
    """In a layer of root mean square 5 a difference of 0.001 is 0.0002."""
    comparison = compare_traces(layers(), layers(**{LAYER: [7.001, -1.0]}))
    found = comparison.first_difference
    assert (found.name, found.agree) == (LAYER, False)
    assert found.difference == pytest.approx(2e-4, rel=1e-3)
    assert found.text == (
        "largest difference 0.001 at (0,): 7 in the first, 7.001 in the second, 0.0002 of the layer's size; 1 of 2 "
        "values are beyond the tolerance"
    )
    assert comparison.largest is found
    assert first(layers(), layers(**{LAYER: [7.001, -1.0]}), 3e-4) is None


def test_either_way_round():
    a, b = layers(), layers(**{LAYER: [9.0, -1.0]})
    assert compare_traces(a, b).largest.difference == compare_traces(b, a).largest.difference


def test_the_first_in_the_order_of_the_network():
    """Not in the file's, not by size, not by the alphabet."""
    other = layers(**{HEAD: [[9.0, 9.0]], LAYER: [7.1, -1.0]})
    comparison = compare_traces(layers(), other)
    assert comparison.first_difference.name == LAYER
    assert comparison.largest.name == HEAD
    assert [layer.agree for layer in comparison.layers] == [True, False, False]


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ({}, {LAYER: None}, "missing in the second"),
        ({LAYER: None}, {}, "missing in the first"),
        ({}, {LAYER: [[7.0, -1.0]]}, "shape (2,) in the first, (1, 2) in the second"),
        ({}, {LAYER: [7.0, math.nan]}, "at (1,) -1 in the first, nan in the second; 1 of 2 values are NaN or infinite"),
        ({LAYER: [math.inf, 1.0]}, {LAYER: [-math.inf, 1.0]}, "at (0,) inf in the first, -inf in the second"),
        ({LAYER: [math.nan, 1.0]}, {LAYER: [math.inf, 1.0]}, "at (0,) nan in the first, inf in the second"),
    ],
)
def test_no_number_says_it(a, b, text):
    found = first(layers(**a), layers(**b))
    assert found.name == LAYER
    assert found.text.startswith(text)
    assert found.difference == math.inf


def test_the_same_nan_agrees():
    """But the finite values beside it are compared."""
    a = layers(**{LAYER: [math.nan, 1.0]})
    assert first(a, a) is None
    found = first(a, layers(**{LAYER: [math.nan, 2.0]}))
    assert found.difference == 0.5
    assert first(*[{LAYER: np.array([math.nan, -math.inf])}] * 2) is None


def test_probabilities_are_as_large_as_a_row_of_them():
    """Among a thousand keys their root mean square is 0.03 at most."""
    name = "backbone.encoder.layer.0.attention.probabilities"
    a = {name: np.eye(1000)[None, None]}
    assert first(a, {name: a[name] * (1 - 9e-5)}) is None
    found = first(a, {name: a[name] * (1 - 2e-4)})
    assert found.difference == pytest.approx(2e-4)


def test_zeros():
    """A layer that is zero in both has no size, and agrees; an empty one too."""
    zeros = layers(**{LAYER: [0.0, 0.0]})
    assert first(zeros, zeros, 0) is None
    assert first(zeros, layers(**{LAYER: [0.0, 1e-9]})).name == LAYER
    assert first({"alphas": np.zeros((0, 3))}, {"alphas": np.zeros((0, 3))}) is None


def test_common_leaves_out_what_one_lacks():
    a, b = layers(**{LAYER: None}), layers(**{EMBEDDINGS: None, HEAD: [[2.0, -2.5]]})
    comparison = compare_traces(a, b, common=True)
    assert [layer.name for layer in comparison.layers] == [HEAD]
    assert comparison.first_difference.name == HEAD


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "message"),
    [
        (layers(), {"mine": np.ones(1)}, 1e-4, "no layer in common: the first begins with 'backbone.embeddings', the"),
        ({}, layers(), 1e-4, "the first begins with nothing, the second with 'backbone.embeddings'"),
        (layers(), layers(), -1, "the tolerance is -1; expected a number from 0 up"),
        (layers(), layers(), math.nan, "the tolerance is nan"),
        (layers(), layers(), math.inf, "the tolerance is inf"),
    ],
)
def test_refused(a, b, tolerance, message):
    with pytest.raises(VitMatteError, match=message):
        compare_traces(a, b, tolerance)


def detail_and_features_exchanged(tensors, config):
    name = "decoder.fusion_blocks.1.conv.conv.weight"
    return tensors | {name: np.roll(tensors[name], 1, axis=1)}


def heads_exchanged(tensors, config):
    name = "backbone.encoder.layer.1.attention.qkv.weight"
    return tensors | {name: np.roll(tensors[name], config.backbone_config.head_size, axis=0)}


def last_position_dropped(tensors, config):
    name = "backbone.embeddings.position_embeddings"
    return tensors | {name: np.roll(tensors[name], 1, axis=1)}


def neck_left_out(tensors, config):
    names = [f"backbone.encoder.layer.1.residual.norm3.{part}" for part in ("weight", "bias")]
    return tensors | {name: np.zeros_like(tensors[name]) for name in names}


@pytest.mark.parametrize(
    ("mistake", "place", "inside"),
    [
        (last_position_dropped, "backbone.embeddings", "backbone.embeddings"),
        (heads_exchanged, "backbone.encoder.layer.1.attention", "backbone.encoder.layer.1.attention.qkv"),
        (neck_left_out, "backbone.encoder.layer.1.residual", "backbone.encoder.layer.1.residual.norm3"),
        (detail_and_features_exchanged, "decoder.fusion_blocks.1", "decoder.fusion_blocks.1.conv.conv"),
    ],
)
def test_it_finds_a_porters_mistake(mistake, place, inside):
    """Mistakes that ports have made, planted in the weights: the trace points at the layer, and a fine one inside."""
    config = tiny_config()
    tensors, picture = random_checkpoint(config), random_pixels(1, 4, 96, 112)[0].transpose(1, 2, 0)
    for fine, expected in ((False, place), (True, inside)):
        right = trace_image(picture, tensors, config, fine)
        wrong = trace_image(picture, mistake(tensors, config), config, fine)
        assert first(right, wrong).name == expected
