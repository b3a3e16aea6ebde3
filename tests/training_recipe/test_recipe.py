"""Every part of the training recipe, fed by a tiny material (see conftest.py)."""

import dataclasses
import io
import sys
import zipfile
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy", reason="the compositor blurs and measures distances with scipy ([train] extra)")

from training import compose, network, pack, sources, trimaps
from training.canvas import smooth_noise
from training.data import Source, as_batch, batches
from training.material import Material, read_material
from training.scenes import SCENES
from training.state import STATISTICS
from training.validation_set import RARE_KINDS, set_of_kinds, validation_set

from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.matting.pymatting_kernels import load_pymatting
from numpy_vitmatte.runtime.threads import get_num_threads, set_num_threads
from numpy_vitmatte.testing import tiny_config
from numpy_vitmatte.training.state_file import STATE_FILE, StoredState, read_state

pytestmark = pytest.mark.extras("scipy")


def png(array: np.ndarray) -> bytes:
    """The array as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


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


def test_clip_art_is_read_as_outlines_of_what_is_in_the_public_domain(tmp_path):
    pytest.importorskip("resvg_py", reason="resvg draws the clip art ([train] extra)")
    disc, page = '<circle cx="30" cy="30" r="20"/>', '<rect width="60" height="60"/>'
    (tmp_path / "stars").mkdir()
    drawings = {
        "disc": (disc, "http://web.resource.org/cc/PublicDomain"),
        "other_licence": (disc, "http://creativecommons.org/licenses/GPL/2.0/"),
        "no_licence": (disc, ""),
        "full": (page, "http://web.resource.org/cc/PublicDomain"),
        "empty": ("", "http://web.resource.org/cc/PublicDomain"),
        "stars/star_9pt": (disc, "http://web.resource.org/cc/PublicDomain"),
    }
    for name, (body, licence) in drawings.items():
        (tmp_path / f"{name}.svg").write_text(clip_art(body, licence))
    (tmp_path / "broken.svg").write_text("<svg")
    (tmp_path / "no_size.svg").write_text(clip_art(disc, "http://web.resource.org/cc/PublicDomain", width="-1"))
    (tmp_path / "link.svg").symlink_to(tmp_path / "disc.svg")
    [(name, outline)] = sources.clip_art(tmp_path, 64)
    assert (name, outline.mode) == ("disc", "L")
    assert outline.size == (64, 64), "the rest of the page is cut off"
    covered = np.asarray(outline).astype(float) / 255
    assert covered.mean() == pytest.approx(np.pi / 4, abs=0.02)
    assert covered[covered.shape[0] // 2, covered.shape[1] // 2] == 1


def clip_art(body: str, licence: str, width: str = "60pt") -> str:
    """A drawing on a page of 60 x 60 with metadata as openclipart's; "" names no licence."""
    named = f'<cc:license rdf:resource="{licence}"/>' if licence else ""
    spaces = 'xmlns:cc="http://web.resource.org/cc/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    view = 'viewBox="0 0 60 60" xmlns="http://www.w3.org/2000/svg"'
    return f'<svg {view} width="{width}" height="60pt" {spaces}><metadata>{named}</metadata>{body}</svg>'


def test_clip_art_is_packed_with_the_masks(tmp_path, monkeypatch, capsys):
    pytest.importorskip("resvg_py", reason="resvg draws the clip art ([train] extra)")
    disc = clip_art('<circle cx="30" cy="30" r="20"/>', "http://web.resource.org/cc/PublicDomain")
    (tmp_path / "disc.svg").write_text(disc)
    packed = tmp_path / "material.zip"
    monkeypatch.setattr(sys, "argv", ["pack", str(packed), "--clip-art", str(tmp_path), "--mask-side", "32"])
    pack.main()
    assert "masks: 1 pictures" in capsys.readouterr().out
    [mask] = read_material(packed, held_back=True).masks
    assert max(mask.shape) == 32


def test_the_validation_set_stays_the_same(packed):
    """Kind and means of the first pictures: any other draw of a random number gives other pictures altogether."""
    expected = [
        ("solid", 102.1, 90.9, 0.63),
        ("sprite", 124.2, 186.1, 0.93),
        ("sprite", 127.4, 206.8, 0.69),
        ("net", 104.8, 20.1, 0.75),
        ("sprite", 88.2, 215.3, 0.57),
        ("silhouette", 137.0, 207.6, 0.74),
        ("solid", 139.9, 229.4, 0.64),
        ("fringed", 94.2, 107.0, 0.92),
    ]
    for sample, (kind, *means) in zip(validation_set(packed, len(expected), 64), expected, strict=True):
        assert sample.kind == kind
        found = sample.image.mean(), sample.alpha.mean(), (sample.trimap == 128).mean()
        assert found == pytest.approx(means, rel=0.01), "within what other versions of the libraries may round"


def test_the_set_of_kinds_holds_equally_many_of_each(packed):
    chosen = list(set_of_kinds(packed, RARE_KINDS, 2, 64))
    assert [sample.kind for sample in chosen] == ["net", "net", "smoke", "smoke", "glass", "glass"]
    assert not np.array_equal(chosen[0].image, chosen[1].image)
    for sample, again in zip(chosen[2:4], set_of_kinds(packed, ["smoke"], 2, 64), strict=True):
        np.testing.assert_array_equal(sample.image, again.image)
        np.testing.assert_array_equal(sample.trimap, again.trimap)


@pytest.mark.parametrize("kind", sorted(compose.KINDS))
def test_a_kind_can_be_asked_for(kind, material):
    assert compose.make_sample([6, 1], 64, material, kind).kind == kind


def sample_of_a_step() -> compose.Sample:
    """Left half background, right half foreground, the four columns in the middle unknown."""
    alpha = np.zeros((32, 32), np.uint8)
    alpha[:, 16:] = 255
    trimap = alpha.copy()
    trimap[:, 14:18] = 128
    return compose.Sample(np.zeros((32, 32, 3), np.uint8), alpha, trimap, "solid")


def test_scores_count_the_unknown_alone_and_in_the_card_s_units():
    from training import validate

    sample = sample_of_a_step()
    perfect = validate.errors(sample.alpha / 255, sample)
    assert perfect == {"SAD": 0, "MSE": 0, "Grad": 0, "Conn": 0, "bias": 0}
    half = validate.errors(np.full((32, 32), 0.5), sample)
    assert half["SAD"] == pytest.approx(0.5 * 4 * 32 / 1000)
    assert half["MSE"] == pytest.approx(0.25)
    assert half["bias"] == pytest.approx(0, abs=1e-12), "as many pixels are too high as too low"
    low = validate.errors(np.full((32, 32), 0.4), sample)
    assert low["bias"] == pytest.approx(-0.1)
    beyond = validate.errors(np.where(sample.alpha > 0, 3.0, -2.0), sample)
    assert beyond == perfect, "values are cut to 0..1"
    means, rows = validate.score(lambda image, trimap: np.full(trimap.shape, 0.5), [sample, sample])
    assert rows == [half, half]
    assert {name: means[name] for name in half} == pytest.approx(half)


@pytest.mark.extras("pymatting")
def test_pictures_without_one_side_are_counted_apart():
    pytest.importorskip("pymatting", reason="the method that needs both sides is pymatting's ([train] extra)")
    from training import validate

    both = sample_of_a_step()
    one = dataclasses.replace(both, trimap=np.where(both.trimap == 255, 128, both.trimap).astype(np.uint8))
    rows = [{"MSE": 0.25}, {"MSE": 0.75}]
    assert validate.where_both_sides_are_named([both, one], rows) == "0.2500 in 1 pictures"
    assert validate.where_both_sides_are_named([one], rows[1:]) == "no picture"
    answer = validate.classical("cf")(one.image, one.trimap)
    np.testing.assert_array_equal(answer, np.where(one.trimap == 128, 0.5, 0))


@pytest.mark.extras("pymatting")
def test_a_solver_that_gives_up_is_counted_as_no_answer(monkeypatch):
    pytest.importorskip("pymatting", reason="the solver is pymatting's ([train] extra)")
    from training import validate

    def gives_up(image, trimap):
        raise ValueError("Conjugate gradient descent did not converge within 10000 iterations")

    monkeypatch.setattr(load_pymatting(), "estimate_alpha_rw", gives_up)
    sample = sample_of_a_step()
    answer = validate.classical("rw")(sample.image, sample.trimap)
    np.testing.assert_array_equal(answer, np.where(sample.trimap == 128, 0.5, sample.trimap / 255))


def test_the_three_sets_are_scored(packed, monkeypatch, capsys):
    from training import validate

    options = ["--count", "3", "--kinds", "glass", "net", "--per-kind", "1", "--scenes", "mesh", "hair"]
    options += ["--per-scene", "2", "--size", "64", "--methods"]
    monkeypatch.setattr(sys, "argv", ["validate", str(packed), *options])
    monkeypatch.setattr(validate, "set_num_threads", lambda count: None)
    validate.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith("pictures:")] == [
        "As `compose` draws them, 3 pictures:",
        "Of each of glass, net, 2 pictures:",
        "Of each scene of mesh, hair, 4 pictures:",
    ]
    assert sum(line.startswith("| 0.5 everywhere |") for line in lines) == 3
    assert sum(line.startswith("MSE where both sides are named, 0.5 everywhere:") for line in lines) == 3
    of_each = [line for line in lines if line.startswith("MSE (bias) by kind, 0.5 everywhere:")]
    assert {word for word in of_each[1].split() if word in compose.KINDS} == {"glass", "net"}
    assert {word for word in of_each[2].split() if word in SCENES} == {"mesh", "hair"}


def test_the_check_during_training_counts_as_the_scores_do(packed):
    from training.quick_check import QuickCheck

    def half(pixel_values):
        return SimpleNamespace(alphas=np.full((1, 1, *pixel_values.shape[2:]), 0.5, np.float32))

    check = QuickCheck(read_material(packed, held_back=True), count=2, size=64)
    samples, scenes = ([(0.5 - s.alpha / 255)[s.trimap == 128] for s in part] for part in (check.samples, check.scenes))
    found = check(half)
    assert found["val_sad"] == pytest.approx(np.mean([np.abs(d).sum() / 1000 for d in samples]))
    assert found["val_mse"] == pytest.approx(np.mean([(d**2).mean() for d in samples]))
    assert found["scenes_mse"] == pytest.approx(np.mean([(d**2).mean() for d in scenes]))
    assert found["scenes_bias"] == pytest.approx(np.mean([d.mean() for d in scenes]))
    assert {scene.kind for scene in check.scenes} == set(SCENES)


def test_batches_continue_where_a_run_left_off(material):
    crops = [(32, 3), (64, 2)]
    whole = list(islice(batches(Source(material, crops, seed=1, start=0), workers=0), 12))
    resumed = list(islice(batches(Source(material, crops, seed=1, start=4), workers=0), 8))
    for expected, found in zip(whole[4:], resumed, strict=True):
        np.testing.assert_array_equal(expected.pixels, found.pixels)
        np.testing.assert_array_equal(expected.alphas, found.alphas)
    assert {batch.pixels.shape for batch in whole} == {(3, 4, 32, 32), (2, 4, 64, 64)}
    assert {batch.alphas.shape for batch in whole} == {(3, 1, 32, 32), (2, 1, 64, 64)}
    pictures = [picture.tobytes() for batch in whole for picture in batch.pixels]
    assert len(set(pictures)) == len(pictures)


def test_a_batch_is_what_the_network_takes(material):
    """As the package's own processor makes it of the same photo and trimap."""
    sample = compose.make_sample([3, 7], 64, material)
    batch = as_batch([sample, sample])
    expected = VitMatteImageProcessor()(sample.image, sample.trimap, return_tensors="np").pixel_values
    np.testing.assert_allclose(batch.pixels[1:], expected, rtol=0, atol=2e-7)  # one rounding of numbers up to 1
    np.testing.assert_array_equal(batch.alphas[0, 0], sample.alpha / np.float32(255))


def smallest_configuration():
    """Two blocks of width 16: the trainer's plumbing at a fraction of the cost."""
    return tiny_config(
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


def test_a_fresh_network_starts_at_he_s_scale():
    """Norms at 1, and 3x3 convolutions as wide as keeps the signal's size behind a ReLU."""
    tensors = network.fresh_tensors(network.configuration(), seed=1)
    assert {float(each.min()) for name, each in tensors.items() if name.endswith(network.NORMS)} == {1.0}
    weight = tensors[
        "decoder.fusion_blocks.0.conv.conv.weight"
    ]  # 64 outputs of 288 inputs: its spread is sure to 0.2 %
    assert weight.std() == pytest.approx(np.sqrt(2 / (288 * 9)), rel=0.01)
    assert "decoder.matting_head.matting_convs.1.weight" in tensors


@pytest.fixture
def sit(packed, monkeypatch):
    """Function that sits for some steps in a folder, with more options, and gives the state that was saved."""
    pytest.importorskip("matplotlib", reason="the trainer plots its log ([train] extra)")
    from training import train

    monkeypatch.setattr(network, "configuration", smallest_configuration)
    threads = get_num_threads()

    def some(folder: Path, steps: int, *more: str) -> StoredState:
        options = ["--steps", "4", "--crop", "64", "--batch", "2", "--workers", "0", "--warmup", "2"]
        options += ["--log-every", "2", "--check", "2", "64", "--threads", "1", *more]
        monkeypatch.setattr(sys, "argv", ["train", str(packed), str(folder), *options, "--last-step", str(steps)])
        train.main()
        return read_state(folder / STATE_FILE)

    yield some
    set_num_threads(threads)


def test_every_crop_needs_its_number_of_pictures(sit, tmp_path):
    with pytest.raises(SystemExit, match="error: --crop has 2 sides and --batch 1 counts"):
        sit(tmp_path / "run", 1, "--crop", "32", "64")


def test_a_run_in_two_sittings_equals_a_run_in_one(sit, tmp_path):
    """To the bit; what is exported is the average."""
    whole = sit(tmp_path / "whole", 4)
    sit(tmp_path / "halves", 2)
    halves = sit(tmp_path / "halves", 4)
    assert (whole.words["step"], whole.words["samples"]) == (halves.words["step"], halves.words["samples"]) == (4, 8)
    assert set(whole.arrays) == set(halves.arrays)
    for name, value in whole.arrays.items():
        np.testing.assert_array_equal(halves.arrays[name], value, name)
    exported = VitMatteForImageMatting.from_pretrained(tmp_path / "halves" / "export")
    for name, tensor in exported.tensors.items():
        np.testing.assert_array_equal(tensor, whole.arrays[f"average.{name}"], name)
    assert len((tmp_path / "halves" / "log.csv").read_text().splitlines()) == 3


def test_frozen_norms_keep_the_averaged_statistics(sit, tmp_path):
    """The weights of a norm go on; its mean and variance stay those of the first sitting's average."""
    before = sit(tmp_path, 2).arrays
    after = sit(tmp_path, 4, "--frozen-norms").arrays
    statistics = [name for name in after if name.startswith("weights.") and name.endswith(STATISTICS)]
    assert statistics
    for name in statistics:
        average = name.replace("weights.", "average.")
        assert not np.array_equal(before[average], before[name])
        for kept in (after[name], after[average]):
            np.testing.assert_array_equal(kept, before[average])
        weight = name.rpartition(".")[0] + ".weight"
        assert not np.array_equal(after[weight], before[weight])


def test_a_damaged_state_is_one_sentence(sit, tmp_path):
    (tmp_path / STATE_FILE).write_bytes(b"no state")
    with pytest.raises(SystemExit, match="is not the state of a run"):
        sit(tmp_path, 1)
    assert (tmp_path / STATE_FILE).read_bytes() == b"no state"
