"""AdamW, its schedule, clipping and the moving average against PyTorch's over 20 steps, in float64."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.testing import assert_within, random_checkpoint, tiny_config, wide
from numpy_vitmatte.training.optimizer import AdamW, MovingAverage, clip_by_norm, takes_decay, trainable, warmup_cosine

STEPS = 20
# Twenty steps of a few float64 operations each on numbers of order 1.
TOLERANCE = 1e-14

NEEDS_TORCH = "the [parity] extra is not installed; the first steps are compared with the paper's formulas by hand"


def gradients_of(tensors, step):
    """Random gradients of very different sizes; one tensor has none in the first steps."""
    generator = np.random.default_rng(step)
    gradients = {
        name: generator.standard_normal(tensor.shape) * 10.0 ** generator.integers(-4, 2)
        for name, tensor in tensors.items()
    }
    if step < 3:
        del gradients["decoder.matting_head.matting_convs.3.bias"]
    return gradients


@pytest.fixture(scope="module")
def tensors():
    """What is trained of a small network: every tensor but the statistics."""
    return {name: tensor for name, tensor in wide(random_checkpoint(tiny_config())).items() if "running" not in name}


@pytest.mark.parity
def test_twenty_steps_beside_pytorch(tensors):
    """Weight decay groups, warm-up and cosine, clipping, and the average of the weights, all at once."""
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    own = {name: tensor.copy() for name, tensor in tensors.items()}
    optimizer, average = AdamW(own, lr=3e-3, betas=(0.9, 0.99), weight_decay=0.05), MovingAverage(own, decay=0.8)
    theirs = {name: torch.nn.Parameter(torch.from_numpy(tensor.copy())) for name, tensor in tensors.items()}
    module = torch.nn.ParameterList(theirs.values())
    groups = [
        {"params": [theirs[name] for name in tensors if takes_decay(name, tensors[name])], "weight_decay": 0.05},
        {"params": [theirs[name] for name in tensors if not takes_decay(name, tensors[name])], "weight_decay": 0.0},
    ]
    torch_optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.99))
    warm = torch.optim.lr_scheduler.LinearLR(torch_optimizer, start_factor=1 / 5, total_iters=4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(torch_optimizer, T_max=STEPS)
    schedule = torch.optim.lr_scheduler.ChainedScheduler([warm, cosine])

    def follow(mean, current, count):
        return mean + (current - mean) * (1 - min(0.8, (int(count) + 1) / (int(count) + 10)))

    ema = torch.optim.swa_utils.AveragedModel(module, avg_fn=follow)
    ema.update_parameters(module)  # the first call copies
    for step in range(STEPS):
        gradients = gradients_of(own, step)
        for name, parameter in theirs.items():
            parameter.grad = torch.from_numpy(gradients[name].copy()) if name in gradients else None
        optimizer.lr = 3e-3 * warmup_cosine(step, STEPS, warmup=5)
        assert optimizer.lr == pytest.approx(torch_optimizer.param_groups[0]["lr"], rel=1e-12)
        length = clip_by_norm(gradients, 1.0)
        assert length == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs.values(), 1.0).item(), rel=1e-12)
        optimizer.step(gradients)
        torch_optimizer.step()
        average.update(own)
        ema.update_parameters(module)
        schedule.step()
    for name, mean in zip(tensors, ema.module, strict=True):
        assert_within(own[name], theirs[name].detach().numpy(), TOLERANCE * 10, name)
        assert_within(average.tensors[name], mean.detach().numpy(), TOLERANCE * 10, f"average of {name}")
        assert np.abs(own[name] - tensors[name]).max() > 1e-3


@pytest.mark.parity
@given(steps=st.integers(1, 30), final=st.floats(0, 1))
def test_the_cosine_beside_pytorch(steps, final):
    """Down to a part of the peak."""
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=final)
    for step in range(steps + 1):
        assert warmup_cosine(step, steps, final=final) == pytest.approx(schedule.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        schedule.step()


def test_the_schedules_corners():
    """The first step already moves; the last rate stays."""
    assert warmup_cosine(0, 100, warmup=10) == pytest.approx(0.1, rel=1e-3)
    assert warmup_cosine(0, 100) == 1
    assert warmup_cosine(100, 100, warmup=10, final=0.02) == pytest.approx(0.02)
    assert warmup_cosine(5000, 100, final=0.02) == pytest.approx(0.02)


def test_the_first_step_by_hand():
    """Both averages hold one gradient, so the step is the rate times its sign; then the decay, of matrices alone."""
    tensors = {"fc1.weight": np.full((1, 2), 2.0), "fc1.bias": np.array([2.0])}
    AdamW(tensors, lr=0.1, epsilon=0, weight_decay=0.5).step({name: -3 * value for name, value in tensors.items()})
    assert_within(tensors["fc1.weight"], [[2 * 0.95 + 0.1] * 2], 1e-15)
    assert_within(tensors["fc1.bias"], [2.1], 1e-15)


def test_what_takes_decay():
    """Matrices and convolutions; neither biases, norms, positions nor tables."""
    network = random_checkpoint(tiny_config())
    decayed = {name for name, tensor in network.items() if takes_decay(name, tensor)}
    left = {name.rsplit(".", 1)[-1] for name in set(network) - decayed}
    assert left == {"bias", "weight", "position_embeddings", "rel_pos_h", "rel_pos_w", "running_mean", "running_var"}
    assert all("norm" in name or name.endswith("matting_convs.1.weight")
               for name in set(network) - decayed if name.endswith("weight"))  # fmt: skip
    assert all(name.endswith("weight") and "norm" not in name for name in decayed)
    assert "decoder.matting_head.matting_convs.3.weight" in decayed


def test_what_is_trained():
    """All of the decoder but its statistics; a pattern that means nothing is said."""
    names = list(random_checkpoint(tiny_config()))
    chosen = trainable(names, "decoder.*")
    assert chosen == [name for name in names if name.startswith("decoder.") and "running" not in name]
    assert len(trainable(names)) == len(names) - 2 * sum(name.endswith("running_var") for name in names)
    for pattern in ("decodr.*", "*.running_mean", ""):
        with pytest.raises(VitMatteError, match="no tensor that can be trained is named"):
            trainable(names, pattern)


def test_tensors_without_a_gradient_stay():
    """Neither moved nor decayed."""
    tensors = {"a.weight": np.ones((2, 2)), "b.weight": np.ones((2, 2))}
    AdamW(tensors, lr=0.1).step({"a.weight": np.ones((2, 2))})
    assert (tensors["b.weight"] == 1).all()
    assert (tensors["a.weight"] < 1).all()


def test_short_gradients_are_not_clipped():
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert clip_by_norm(gradients, 5.1) == 5
    assert gradients["b"][0, 0] == 4
    assert clip_by_norm(gradients, 1.0) == 5
    assert math.hypot(gradients["a"][0], gradients["b"][0, 0]) == pytest.approx(1, rel=1e-6)


def test_the_average_is_a_copy_that_forgets_its_start():
    """After one step it keeps 2 / 11 of it."""
    tensors = {"a": np.array([1.0])}
    average = MovingAverage(tensors, decay=0.998)
    tensors["a"] += 11
    average.update(tensors)
    assert_within(average.tensors["a"], [1 + 11 * 9 / 11], 1e-14)
    assert tensors["a"][0] == 12


def test_float32_stays_float32():
    tensors = {"a.weight": np.ones((2, 2), np.float32)}
    optimizer, average = AdamW(tensors, lr=0.1), MovingAverage(tensors)
    gradients = {"a.weight": np.ones((2, 2), np.float32)}
    clip_by_norm(gradients, 0.5)
    optimizer.step(gradients)
    average.update(tensors)
    arrays = [*tensors.values(), *gradients.values(), *average.tensors.values(), *optimizer.means.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_a_gradient_may_lie_in_any_order():
    """Also one of another float type; the tensor itself must be contiguous, since it is changed in place."""
    generator = np.random.default_rng(0)
    start, gradient = generator.standard_normal((70, 50)), generator.standard_normal((50, 70)).T
    moved = []
    for given_gradient in (gradient, np.ascontiguousarray(gradient)):
        tensors = {"weight": start.astype(np.float32)}
        AdamW(tensors, lr=0.1).step({"weight": given_gradient})
        moved.append(tensors["weight"])
    np.testing.assert_array_equal(*moved)
    assert np.abs(moved[0] - start).max() > 0.05
    with pytest.raises(VitMatteError, match="'weight' is not contiguous"):
        AdamW({"weight": start.T})
