"""The training recipe without its data: a tiny packed material made on the spot, then every part that it feeds."""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy", reason="the compositor blurs and measures distances with scipy ([train] extra)")
sys.path.insert(0, str(Path(__file__).parents[1] / "weights"))

from training import compose, metrics, sources, trimaps
from training.canvas import smooth_noise
from training.material import Material, read_material

from numpy_vitmatte.testing import tiny_config


def png(array: np.ndarray) -> bytes:
    """The array as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    """A zip of four photos, four masks and four sprites of noise and discs."""
    path = tmp_path_factory.mktemp("material") / "material.zip"
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:48, :48]
    disc = np.clip(20 - np.hypot(x - 24, y - 24), 0, 1)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(4):
            noise = rng.integers(0, 256, (48, 64, 3), np.uint8)
            archive.writestr(f"photos/{i}.png", png(noise))
            archive.writestr(f"masks/{i}.png", png((disc * 255).astype(np.uint8)))
            archive.writestr(f"sprites/{i}.png", png(np.dstack([noise[:, :48], disc * 255]).astype(np.uint8)))
    return path


@pytest.fixture(scope="module")
def material(packed) -> Material:
    return read_material(packed)


def test_held_back_pictures_are_never_trained_on(packed):
    trained, held = read_material(packed), read_material(packed, held_back=True)
    assert (len(trained.photos), len(held.photos)) == (3, 1)
    assert not any(np.array_equal(photo, held.photos[0]) for photo in trained.photos)


@pytest.mark.parametrize("kind", sorted(compose.KINDS))
def test_every_shape_is_an_alpha(kind, material):
    for seed in range(3):
        alpha = compose.KINDS[kind][0](np.random.default_rng(seed), 64, material)
        assert alpha.shape == (64, 64)
        assert alpha.dtype == np.float32
        assert alpha.min() >= 0
        assert alpha.max() <= 1 + 1e-6


def test_a_sample_is_a_photo_an_alpha_and_a_trimap(material):
    for seed in range(20):
        sample = compose.make_sample([1, seed], 64, material)
        assert sample.image.shape == (64, 64, 3)
        assert sample.alpha.shape == sample.trimap.shape == (64, 64)
        assert sample.image.dtype == sample.alpha.dtype == sample.trimap.dtype == np.uint8
        assert set(np.unique(sample.trimap)) <= {0, 128, 255}
        assert (sample.trimap == 128).mean() > 0.03
        assert (sample.alpha[sample.trimap == 255] == 255).all()
        assert (sample.alpha[sample.trimap == 0] == 0).all()


def test_a_sample_belongs_to_its_seed(material):
    first, again = (compose.make_sample([3, 7], 64, material) for _ in range(2))
    other = compose.make_sample([3, 8], 64, material)
    for name in ("image", "alpha", "trimap"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.image, other.image)


def test_with_photos_alone_samples_are_still_made(material):
    bare = Material(material.photos, [], [])
    assert compose.make_sample(1, 64, bare).image.shape == (64, 64, 3)


def test_a_solid_foreground_keeps_its_colour_and_a_clear_one_shows_the_background():
    rng = np.random.default_rng(0)
    alpha = np.zeros((32, 32), np.float32)
    alpha[8:24, 8:24] = 1
    blurred = compose.motion_blur(alpha, 9, 0)
    assert blurred[16, 16] == pytest.approx(1)
    assert 0 < blurred[16, 6] < 1, "a horizontal blur spreads sideways"
    assert blurred[6, 16] == 0, "and not upwards"
    softened = compose.soften(rng, np.full((8, 8), 1 / 255, np.float32))
    assert not softened.any(), "what is nearly clear becomes clear"


@pytest.mark.parametrize("draw", [trimaps.authors, trimaps.careful, trimaps.sloppy, trimaps.painted])
def test_unknown_covers_every_fractional_alpha(draw):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        alpha = np.clip(smooth_noise(rng, 80, 20) * 2, 0, 1).astype(np.float32)
        trimap = draw(rng, alpha)
        assert set(np.unique(trimap)) <= {0, 128, 255}
        assert (trimap[(alpha > 0) & (alpha < 1)] == 128).all()
        assert (alpha[trimap == 255] == 1).all()
        assert (alpha[trimap == 0] == 0).all()


def test_radii_count_from_the_solid_side():
    alpha = np.zeros((1, 40), np.float32)
    alpha[:, 20:] = 1
    trimap = trimaps.from_radii(alpha, 3, 5)[0]
    assert list(np.flatnonzero(trimap == 128)) == list(range(15, 23))


def test_a_frame_that_is_all_foreground_stays_known():
    assert (trimaps.from_radii(np.ones((9, 9), np.float32), 4, 4) == 255).all()


def test_reserved_pictures_are_skipped(tmp_path):
    picture = png(np.full((40, 40, 4), 255, np.uint8))
    for name in ("1f98a.png", "1f98b.png", "1f600.png"):
        (tmp_path / name).write_bytes(picture)
    bundle = tmp_path / "brushes.bundle"
    with zipfile.ZipFile(bundle, "w") as archive:
        for name in ("MZ_leaves", "A_chain"):
            archive.writestr(f"brushes/{name}.png", png(np.eye(40, dtype=np.uint8) * 255))
    assert [name for name, _ in sources.rgba_sprites(tmp_path, 64)] == ["1f600"]
    assert [name for name, _ in sources.krita_masks(bundle, 64)] == ["A_chain-0"]


def test_brushes_are_read_as_coverage(tmp_path):
    tip = np.arange(30 * 32, dtype=np.uint8).reshape(30, 32)
    header = b"".join(number.to_bytes(4, "big") for number in (28, 2, 32, 30, 1)) + b"GIMP\0\0\0\0"
    bundle = tmp_path / "brushes.bundle"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("brushes/one.gbr", header + tip.tobytes())
        archive.writestr("brushes/two.gih", b"name\n2 ncells:2\n" + (header + tip.tobytes()) * 2)
    found = dict(sources.krita_masks(bundle, 64))
    assert sorted(found) == ["one-0", "two-0", "two-1"]
    for picture in found.values():
        np.testing.assert_array_equal(np.asarray(picture), tip)


def test_metrics_are_zero_for_the_truth_and_grow_with_error():
    rng = np.random.default_rng(2)
    alpha = np.clip(smooth_noise(rng, 60, 20) + 0.5, 0, 1).astype(np.float64)
    trimap = np.full(alpha.shape, 128, np.uint8)
    assert set(metrics.all_metrics(alpha, alpha, trimap).values()) == {0.0}
    assert all(value > 0 for value in metrics.all_metrics(1 - alpha, alpha, trimap).values())
    half = metrics.all_metrics(np.full(alpha.shape, 0.5), np.ones(alpha.shape), trimap)
    assert half["MSE"] == pytest.approx(0.25)
    assert half["SAD"] == pytest.approx(0.5 * alpha.size / 1000)


def test_losses_are_zero_for_the_truth():
    torch = pytest.importorskip("torch", reason="the losses are written for torch ([train] extra)")
    from training import losses

    generator = torch.Generator().manual_seed(0)
    alpha = torch.rand((2, 1, 64, 64), generator=generator)
    trimap = torch.full((2, 1, 64, 64), 128, dtype=torch.uint8)
    trimap[..., :10] = 0
    loss, parts = losses.total(alpha, alpha, trimap)
    assert loss == 0
    assert set(parts) == set(losses.WEIGHTS)
    loss, parts = losses.total(alpha.flip(-1), alpha, trimap)
    assert all(part > 0 for part in parts.values())


def test_only_the_unknown_counts_in_the_unknown_loss():
    torch = pytest.importorskip("torch", reason="the losses are written for torch ([train] extra)")
    from training import losses

    alpha = torch.zeros((1, 1, 16, 16))
    trimap = torch.zeros((1, 1, 16, 16), dtype=torch.uint8)
    trimap[..., 8:] = 128
    wrong_where_known = torch.zeros_like(alpha)
    wrong_where_known[..., :8] = 1
    unknown, known = losses.unknown_and_known(wrong_where_known, alpha, trimap)
    assert unknown == 0
    assert known == pytest.approx(1, abs=0.01)


def test_samples_continue_where_a_run_left_off(material):
    torch = pytest.importorskip("torch", reason="the loader hands out torch tensors ([train] extra)")
    from training.data import loader

    whole = iter(loader(material, 64, batch=2, seed=1, start=0, workers=0))
    next(whole)
    resumed = next(iter(loader(material, 64, batch=2, seed=1, start=2, workers=0)))
    for expected, found in zip(next(whole), resumed, strict=True):
        assert torch.equal(expected, found)
    pixels, alpha, trimap = resumed
    assert pixels.shape == (2, 4, 64, 64)
    assert alpha.shape == trimap.shape == (2, 1, 64, 64)
    assert torch.equal(pixels[:, 3:], trimap / 255)


def smallest_configuration():
    """Two blocks of width 16: the trainer's plumbing at a fraction of the cost."""
    from transformers_models import transformers_config

    config = tiny_config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        pretrain_image_size=64,
        window_size=2,
        window_block_indices=(0,),
        convstream_hidden_sizes=(4, 8, 16),
        fusion_hidden_sizes=(16, 8, 8, 8),
    )
    return transformers_config(config)


def sit(packed: Path, folder: Path, steps: int, monkeypatch) -> dict:
    """One sitting of the trainer, up to `steps` steps; what it saved."""
    import torch
    from training import network, train

    monkeypatch.setattr(network, "configuration", smallest_configuration)
    options = ["--steps", "4", "--crop", "64", "--batch", "2", "--workers", "0", "--warmup", "2", "--log-every", "2"]
    options += ["--check", "2", "64", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["train", str(packed), str(folder), *options, "--last-step", str(steps)])
    threads = torch.get_num_threads()
    try:
        train.main()
    finally:
        torch.set_num_threads(threads)
    return torch.load(folder / "state.pt", weights_only=True)


def test_a_run_in_two_sittings_equals_a_run_in_one(packed, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="the trainer is written for torch ([train] extra)")
    pytest.importorskip("transformers", reason="the trainer trains transformers' own network ([train] extra)")
    pytest.importorskip("matplotlib", reason="the trainer plots its log ([train] extra)")
    whole = sit(packed, tmp_path / "whole", 4, monkeypatch)
    sit(packed, tmp_path / "halves", 2, monkeypatch)
    halves = sit(packed, tmp_path / "halves", 4, monkeypatch)
    assert whole["counts"][:2] == halves["counts"][:2] == (4, 8)
    for name, value in whole["model"].items():
        torch.testing.assert_close(halves["model"][name], value, rtol=1e-4, atol=1e-5)
    assert (tmp_path / "halves" / "export" / "model.safetensors").exists()
    assert len((tmp_path / "halves" / "log.csv").read_text().splitlines()) == 3
