"""Every exercise has a check that tells a stub, the solution and typical mistakes apart."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from numpy_vitmatte.teaching import check
from numpy_vitmatte.teaching.exercises import EXERCISES
from numpy_vitmatte.teaching.verdict import Exercise, judge

SOLUTIONS = Path(__file__).resolve().parents[2] / "tutorials" / "solutions"

# What the check says first of each wrong answer.
MESSAGES = {
    "01.wrong_1_swapped": "differs first at [0, 0, 0]: ",
    "01.wrong_1_no_channel": "your function raised ValueError: ",
    "01.wrong_2_normalized_trimap": "differs first at [0, 0, 3]: -1, expected 0",
    "01.wrong_2_channels_first": "shape (4, ",
    "01.wrong_3_cropped": "differs first at [0]: ",
    "01.wrong_3_padded_to_patches": "differs first at [",
    "01.wrong_4_without_padding": "differs: ",
    "01.wrong_4_every_window": "differs: ",
    "01.wrong_5_in_place": "your function changes its input alpha",
    "01.wrong_5_rounded": "differs first at [",
    "02.wrong_1_only_reshaped": "differs first at [0, 0, ",
    "02.wrong_1_channels_first": "differs first at [0, 0, 1]: ",
    "02.wrong_2_only_reshaped": "differs first at [",
    "02.wrong_2_turned_patches": "differs first at [0, 1, 0]: ",
    "02.wrong_3_other_a": "differs first at [0, ",
    "02.wrong_3_transposed": "shape (",
    "02.wrong_4_corners": "differs first at [0]: 0, expected -0.2",
    "02.wrong_4_ends": "differs first at [0]: 0.3, expected -0.2",
    "02.wrong_5_half_patches": "differs first at [2]: 1, expected 0, for shifts = [ 0  4  8",
    "02.wrong_5_padding": "differs first at [3]: 0, expected 1",
    "03.wrong_1_overflows": "differs first at [0, 0]: nan, expected ",
    "03.wrong_1_other_axis": "differs first at [0, ",
    "03.wrong_2_unscaled": "differs first at [0, 0, 0]: ",
    "03.wrong_2_keys_first": "differs first at [0, 0, 1]: ",
    "03.wrong_3_key_minus_query": "differs first at [0, 1, 0]: ",
    "03.wrong_3_from_the_end": "differs first at [0, 0, 0]: ",
    "03.wrong_4_padded_before": "differs first at [0, 0, 0, 0]: 0, expected ",
    "03.wrong_4_cropped": "shape (",
    "03.wrong_5_scaled_offsets": "differs first at [0, 0, 0]: ",
    "03.wrong_5_key_by_query": "differs first at [0, 0, 0]: ",
    "03.wrong_5_softmax_of_columns": "differs first at [0, 0, 0]: ",
    "04.wrong_1_over_everything": "differs first at [0, 0, ",
    "04.wrong_1_epsilon_outside": "differs first at [0, 0, ",
    "04.wrong_2_multiplications": "differs: ",
    "04.wrong_2_without_zero_tokens": "differs: ",
    "04.wrong_3_overflows": "differs first at [0, 0]: nan, expected ",
    "04.wrong_3_forgets_the_largest": "differs first at [0, 0]: ",
    "04.wrong_4_without_the_mlp": "differs: ",
    "04.wrong_4_scores_alone": "differs: ",
    "04.wrong_5_full_width": "differs: ",
    "04.wrong_5_without_norms": "differs: ",
    "05.wrong_1_flipped": "differs first at [",
    "05.wrong_1_unpadded": "shape (",
    "05.wrong_2_input_channels": "result 0: differs first at [0, ",
    "05.wrong_2_mean_not_scaled": "result 1: differs first at [0]: ",
    "05.wrong_2_weight_alone": "your function returns one result, expected 2",
    "05.wrong_3_repeated": "differs first at [0, 1, 0]: ",
    "05.wrong_3_corners": "differs first at [0, 1, 0]: ",
    "05.wrong_4_features_first": "differs first at [0, 0, ",
    "05.wrong_4_without_relu": "differs first at [0, 0, ",
    "05.wrong_5_from_the_front": "differs: ",
    "05.wrong_5_without_strides": "differs: ",
    "06.wrong_1_not_clipped": "differs first at [0, 0]: ",
    "06.wrong_1_mean_of_channels": "differs first at [",
    "06.wrong_2_everywhere": "differs first at [0]: ",
    "06.wrong_2_divided_by_all": "differs first at [1]: ",
    "06.wrong_3_without_margins": "differs first at [",
    "06.wrong_3_exchanged": "differs first at [",
    "06.wrong_4_divided_by_zero": "differs first at [0, 1, 0]: ",
    "06.wrong_4_photo": "differs first at [0, 0, ",
    "06.wrong_5_exchanged": "differs first at [0]: 0, expected 1",
    "06.wrong_5_both_better": "differs first at [1]: 0, expected 1",
    "07.wrong_1_column_by_column": "differs first at [",
    "07.wrong_1_the_window_alone": "shape (",
    "07.wrong_2_other_order": "differs first at [0, 0]: ",
    "07.wrong_2_without_residual": "differs first at [0, 0]: ",
    "07.wrong_3_given": "differs first at [0]: 1, expected ",
    "07.wrong_3_mean": "differs first at [0]: ",
    "07.wrong_4_of_the_numbers": "differs first at [0]: ",
    "07.wrong_4_transposed_grid": "differs first at [0]: ",
    "07.wrong_5_largest_first": "differs: ",
    "07.wrong_5_square": "differs: ",
    "08.wrong_1_transposed": "result 1: shape (3, ",
    "08.wrong_1_mean": "result 1: differs first at [0, 0]: ",
    "08.wrong_2_plain_mean": "differs first at [0, 0]: ",
    "08.wrong_2_like_a_sigmoid": "differs first at [0, 0]: ",
    "08.wrong_3_statistics_are_constants": "differs first at [0, 0]: ",
    "08.wrong_3_without_the_second_term": "differs first at [0, 0]: ",
    "08.wrong_3_without_the_mean": "differs first at [0, 0]: ",
    "08.wrong_4_frame_kept": "differs first at [0, 0, 0]: ",
    "08.wrong_4_stride_forgotten": "differs first at [0, 0, 0]: ",
    "08.wrong_5_unscaled": "result 0: differs first at [0, 0]: ",
    "08.wrong_5_not_transposed": "result 1: differs first at [0, 0]: ",
    "10.wrong_1_without_tiles": "differs: ",
    "10.wrong_1_product": "differs: ",
    "10.wrong_2_only_reshaped": "differs first at [0, 1, 0]: ",
    "10.wrong_2_last_panel_lost": "shape (2, ",
    "10.wrong_3_cut": "differs first at [",
    "10.wrong_3_seven_digits": "differs first at [",
    "10.wrong_3_ties_up": "differs first at [",
    "10.wrong_4_relative": "differs: ",
    "10.wrong_4_next_octave": "differs: ",
    "10.wrong_5_pixels": "differs first at [0]: 2, expected ",
    "10.wrong_5_stride_inside": "differs first at [1]: ",
    "09.wrong_1_everywhere": "result 1: differs first at [",
    "09.wrong_1_undivided": "result 1: differs first at [0, 0]: ",
    "09.wrong_2_biased": "result 0: differs first at [0, 0]: ",
    "09.wrong_2_decay_in_the_gradient": "result 0: differs first at [0, 0]: ",
    "09.wrong_3_without_warmup": "differs: ",
    "09.wrong_3_cosine_after_warmup": "differs: ",
    "09.wrong_4_per_picture": "result 0: shape (2, 4), expected (4,)",
    "09.wrong_4_mean_of_variances": "result 1: differs first at [0]: ",
    "09.wrong_5_largest_difference": "differs: 2, expected ",
    "09.wrong_5_largest_gradient": "differs: 2, expected ",
}


def answers(number):
    """The functions of a notebook's solutions that belong to one exercise, by name."""
    notebook, exercise = number.split(".")
    spec = importlib.util.spec_from_file_location(f"solutions_{notebook}", SOLUTIONS / f"{notebook}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    starts = (f"solution_{exercise}", f"wrong_{exercise}_")
    return {name: value for name, value in vars(module).items() if name.startswith(starts)}


@pytest.mark.parametrize("number", sorted(EXERCISES))
def test_a_stub_is_not_tried_yet(number, capsys):
    def stub(*_):
        raise NotImplementedError

    check(number, stub)
    assert capsys.readouterr().out == f"{number}: not tried yet\n"


@pytest.mark.parametrize("number", sorted(EXERCISES))
@pytest.mark.parametrize("seed", range(10))
def test_the_solution_is_right(number, seed):
    assert judge(EXERCISES[number], answers(number)[f"solution_{number.split('.')[1]}"], seed).outcome == "right"


@pytest.mark.parametrize("number", sorted(EXERCISES))
@pytest.mark.parametrize("seed", range(10))
def test_wrong_answers_are_told_so(number, seed):
    wrong = {name: function for name, function in answers(number).items() if name.startswith("wrong_")}
    assert len(wrong) >= 2
    for name, function in wrong.items():
        verdict = judge(EXERCISES[number], function, seed)
        assert verdict.outcome not in ("right", "not tried yet"), name
        assert verdict.message.startswith(MESSAGES[f"{number[:2]}.{name}"]), verdict.message


ROOT = Exercise(np.sqrt, lambda generator: {"x": generator.random(3)})


@pytest.mark.parametrize(
    ("function", "outcome", "start"),
    [
        (np.sqrt, "right", "right"),
        (lambda x: np.sqrt(x.astype(np.float32)), "right", "right"),  # float32 is precise enough
        (lambda x: np.sqrt(x) + 3e-6, "differs", "differs first at [0]: "),
        (lambda x: np.full(3, np.nan), "differs", "differs first at [0]: nan"),
        (lambda x: np.sqrt(x)[:2], "wrong shape", "shape (2,), expected (3,)"),
        (lambda x: None, "failed", "your function returns nothing"),
        (lambda x: "one", "failed", "your function returns str, expected numbers"),
        (lambda x: 1j * x, "failed", "your function returns complex numbers"),
        (lambda x: [[1], [1, 2]], "failed", "your function returns list, expected numbers"),
        (lambda x, y: x, "failed", "your function raised TypeError"),
        (lambda x: 1 // 0, "failed", "your function raised ZeroDivisionError"),
        (3, "failed", "your answer is no function"),
    ],
)
def test_whatever_a_function_does_is_told(function, outcome, start):
    verdict = judge(ROOT, function)
    assert verdict.outcome == outcome
    assert verdict.message.startswith(start)


def test_an_unknown_number_is_told(capsys):
    check("99.1", np.sqrt)
    assert capsys.readouterr().out.startswith("99.1: there is no such exercise; there are 01.1, ")
