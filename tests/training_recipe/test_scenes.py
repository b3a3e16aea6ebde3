"""The scenes: things of several parts, meshes, fur, hair, plants and cords under one light, with painted trimaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="the compositor blurs and measures distances with scipy ([train] extra)")

from training import light, mesh, mixture, plush, scenes, strokes, surfaces
from training.canvas import smooth_noise
from training.compose import Sample, make_sample
from training.material import Material
from training.thing import Thing, before
from training.validation_set import RARE_KINDS, set_of_scenes

pytestmark = pytest.mark.extras("scipy")

KINDS = sorted(scenes.SCENES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_a_thing(kind, material):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        thing = scenes.SCENES[kind](rng, 64, material, light.random_light(rng))
        assert thing.alpha.shape == thing.unnamed.shape == (64, 64)
        assert thing.colour.shape == (64, 64, 3)
        assert thing.unnamed.dtype == bool
        for field in (thing.alpha, thing.colour):
            assert field.min() >= 0
            assert field.max() <= 1 + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_a_photo_an_alpha_and_a_trimap(kind, material):
    for seed in range(4):
        scene = scenes.make_scene([1, seed], 64, material, kind)
        assert scene.image.shape == (64, 64, 3)
        assert scene.alpha.shape == scene.trimap.shape == (64, 64)
        assert scene.image.dtype == scene.alpha.dtype == scene.trimap.dtype == np.uint8
        assert scene.kind == kind
        assert (scene.alpha[scene.trimap == 255] == 255).all()
        assert (scene.alpha[scene.trimap == 0] == 0).all()
    again = scenes.make_scene([1, 3], 64, material, kind)
    np.testing.assert_array_equal(scene.image, again.image)
    np.testing.assert_array_equal(scene.trimap, again.trimap)


@pytest.mark.parametrize("kind", KINDS)
def test_with_photos_alone_scenes_are_still_made(kind, material):
    assert scenes.make_scene(1, 64, Material(material.photos, [], []), kind).image.shape == (64, 64, 3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(33, 90), width=st.integers(33, 90))
def test_a_painted_trimap_is_right_and_names_nothing_that_is_unnamed(seed, height, width):
    rng = np.random.default_rng(seed)
    side = max(height, width)
    alpha = np.clip(smooth_noise(rng, side, 25)[:height, :width] * 4 + 0.5, 0, 1).astype(np.float32)
    unnamed = smooth_noise(rng, side, 30)[:height, :width] > 0.3
    trimap = strokes.hand_painted(rng, alpha, unnamed)
    assert trimap.shape == alpha.shape
    assert set(np.unique(trimap)) <= {0, 128, 255}
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha[trimap == 0] == 0).all()
    assert not (trimap[unnamed] == 255).any()


def test_a_painter_closes_the_cells_of_a_net():
    alpha = np.zeros((96, 96), np.float32)
    alpha[20:76:6, 20:76] = alpha[20:76, 20:76:6] = 1
    nothing = np.zeros(alpha.shape, bool)
    closed = [
        (strokes.hand_painted(np.random.default_rng(seed), alpha, nothing)[24:72, 24:72] == 128).all()
        for seed in range(20)
    ]
    assert np.mean(closed) >= 0.5, "most painters do; those of `DRAWN` need not"


def test_no_more_cores_are_kept_than_asked_for():
    mask = np.zeros((10, 30), bool)
    mask[2:4, 2:4] = mask[2:6, 8:14] = mask[1:9, 18:28] = True
    kept = strokes.largest(mask, 2)
    assert kept[5, 20]
    assert kept[3, 9]
    assert not kept[2, 2]
    np.testing.assert_array_equal(strokes.largest(mask, 3), mask)


@pytest.mark.parametrize("pattern", sorted(set(mesh.PATTERNS), key=lambda pattern: pattern.__name__))
def test_a_pattern_has_threads_and_holes_in_every_cell(pattern):
    v, u = np.mgrid[300:312:481j, 300:312:481j]
    from_axis = pattern(u, v)
    assert from_axis.min() >= 0
    for rows in np.split(from_axis[:480], 4):
        for cells in np.split(rows[:, :480], 4, axis=1):
            assert cells.min() < 0.03, "a thread in every three cells"
            assert cells.max() > 0.25, "and a hole"


def test_chicken_wire_runs_half_way_between_neighboring_centers():
    center, neighbor = np.array([0.5, 3**0.5 / 2]), np.array([1.0, 3**0.5])
    for part, expected in ((0, 0.5), (0.5, 0), (1, 0.5)):
        u, v = center + part * (neighbor - center)
        assert mesh.hexagons(np.array([u]), np.array([v]))[0] == pytest.approx(expected, abs=1e-12)


def test_averages_of_fine_pixels_weigh_them_by_coverage():
    coverage = np.array([[1.0, 0.5], [0.0, 0.5]])
    shade = np.array([[0.2, 0.6], [9.0, 0.6]])
    assert mesh.averaged(None, coverage) == pytest.approx(0.5)
    assert mesh.averaged(shade, coverage) == pytest.approx((0.2 + 0.3 + 0.3) / 2)


def test_a_plush_border_fades_outwards(material):
    rng = np.random.default_rng(3)
    reach = np.tile(np.linspace(-0.7, 0.7, 57), (40, 1))
    alpha = plush.soft_border(rng, reach, np.zeros(reach.shape))
    assert (alpha[:, 0] == 1).all()
    assert (alpha[:, -1] == 0).all()
    assert (np.diff(alpha, axis=1) <= 0).all()
    ragged = plush.soft_border(rng, reach, smooth_noise(rng, 57, 3)[:40])
    assert ragged[:, 40].std() > 0, "strands differ in length"


def test_one_layer_over_another():
    shape = (4, 4)
    front = Thing(np.full(shape, 0.5, np.float32), np.full((*shape, 3), 0.8, np.float32), np.ones(shape, bool))
    back = Thing(np.full(shape, 0.4, np.float32), np.full((*shape, 3), 0.2, np.float32), np.zeros(shape, bool))
    both = before(front, back)
    assert both.alpha == pytest.approx(0.5 + 0.5 * 0.4)
    expected = 0.5 * 0.8 + 0.5 * 0.4 * 0.2
    assert both.colour * both.alpha[..., None] == pytest.approx(expected, abs=1e-6), "premultiplied colours add up"
    assert both.unnamed.all()


def a_light(towards: tuple[float, float]) -> light.Light:
    """A hard light from one side."""
    return light.Light(np.array(towards, np.float32), 0.5, 0.2, np.ones(3, np.float32))


def test_a_body_is_brighter_where_it_faces_the_light():
    y, x = np.mgrid[:96, :96]
    disc = np.clip(30 - np.hypot(x - 48, y - 48), 0, 1).astype(np.float32)
    for seed in range(10):
        brightness, gloss = light.rounded(np.random.default_rng(seed), disc, a_light((-1, 0)))
        assert brightness[20:30, 40:56].mean() > brightness[66:76, 40:56].mean()
        assert (gloss >= 0).all()


def test_a_shadow_falls_away_from_the_light():
    alpha = np.zeros((96, 96), np.float32)
    alpha[32:64, 32:64] = 1
    for seed in range(10):
        left = light.cast_shadow(np.random.default_rng(seed), alpha, a_light((0, 1)))
        assert left.min() < 0.9
        assert left.max() <= 1
        assert left[:, :48].mean() < left[:, 48:].mean(), "the light is on the right"


@pytest.mark.parametrize("radius", [1.0, 6.0])
def test_a_blur_keeps_the_mean_of_a_picture(radius):
    picture = np.zeros((64, 64), np.float32)
    picture[28:36, 28:36] = 1
    soft = light.blurred(picture, radius)
    assert soft.shape == picture.shape
    assert 0 < soft[26, 32] < soft[28, 32] < soft[31, 32]
    assert soft.mean() == pytest.approx(picture.mean(), rel=0.15), "8 bits round the far tails away"


def test_a_calm_crop_is_the_smoothest_of_a_few(material):
    def roughness(crop: np.ndarray) -> float:
        return float(np.abs(np.diff(crop, axis=0)).mean())

    calm, busy = (
        np.mean([roughness(draw(np.random.default_rng(seed), 64, material)) for seed in range(10)])
        for draw in (surfaces.calm_crop, surfaces.busy_crop)
    )
    assert calm < busy


def test_the_mixture_draws_scenes_and_shapes(material):
    samples = [mixture.draw_sample([4, number], 64, material) for number in range(60)]
    kinds = {sample.kind for sample in samples}
    assert kinds & set(KINDS)
    assert kinds - set(KINDS)
    for sample in samples:
        assert sample.image.shape == (64, 64, 3)
        assert (sample.alpha[sample.trimap == 255] == 255).all()
        assert (sample.alpha[sample.trimap == 0] == 0).all()
    again = mixture.draw_sample([4, 59], 64, material)
    np.testing.assert_array_equal(samples[-1].image, again.image)


def test_shapes_in_the_mixture_are_those_of_their_seed(material, monkeypatch):
    monkeypatch.setattr(mixture, "FINER", 0.0)
    monkeypatch.setattr(mixture, "RARE_SHARE", 0.0)
    for kind in KINDS:
        monkeypatch.setitem(mixture.SHARES, kind, 0.0)
    drawn, expected = mixture.draw_sample([4, 1], 64, material), make_sample([4, 1], 64, material)
    np.testing.assert_array_equal(drawn.image, expected.image)


def test_large_pictures_show_a_third_as_many_scenes(material, monkeypatch):
    """Shares chosen so that every small picture is a scene: of large ones a third are. Then all are rare shapes."""
    monkeypatch.setattr(mixture, "FINER", 0.0)
    monkeypatch.setattr(mixture, "SHARES", {"plush": 1.0})
    monkeypatch.setattr(mixture, "RARE_SHARE", 0.0)
    monkeypatch.setattr(mixture, "LARGE", 64)
    large, small = ([mixture.draw_sample([4, i], side, material).kind for i in range(40)] for side in (64, 48))
    assert set(small) == {"plush"}
    assert 10 <= large.count("plush") <= 20  # of 40, chance a third: these seeds are fixed
    monkeypatch.setattr(mixture, "SHARES", {"plush": 0.0})
    monkeypatch.setattr(mixture, "RARE_SHARE", 1.0)
    assert {mixture.draw_sample([4, i], 48, material).kind for i in range(12)} == set(RARE_KINDS)


def test_scaled_down_only_what_is_known_throughout_stays_known():
    alpha = np.repeat(np.repeat(np.array([[0, 255], [0, 255]], np.uint8), 2, 0), 2, 1)
    alpha[0, 1] = 255
    trimap = alpha.copy()
    trimap[3, 3] = 128
    small = mixture.scaled_down(Sample(np.zeros((4, 4, 3), np.uint8), alpha, trimap, "solid"), 2)
    np.testing.assert_array_equal(small.alpha, [[64, 255], [0, 255]])
    np.testing.assert_array_equal(small.trimap, [[128, 255], [0, 128]])


def test_the_set_of_scenes_holds_equally_many_of_each(packed):
    chosen = list(set_of_scenes(packed, ["parts", "hair"], 2, 64))
    assert [scene.kind for scene in chosen] == ["parts", "parts", "hair", "hair"]
    for scene, again in zip(chosen[2:], set_of_scenes(packed, ["hair"], 2, 64), strict=True):
        np.testing.assert_array_equal(scene.image, again.image)
        np.testing.assert_array_equal(scene.trimap, again.trimap)


def test_the_set_of_scenes_stays_the_same(packed):
    """Means of the first scene of each kind: any other draw of a random number gives other pictures altogether."""
    expected = {
        "parts": (97.8, 102.47, 0.895),
        "mesh": (125.6, 113.31, 0.245),
        "plush": (131.8, 29.74, 0.872),
        "hair": (94.6, 154.46, 0.876),
        "plant": (86.7, 122.98, 0.906),
        "cords": (129.8, 70.95, 0.949),
    }
    for scene in set_of_scenes(packed, list(expected), 1, 64):
        found = scene.image.mean(), scene.alpha.mean(), (scene.trimap == 128).mean()
        assert found == pytest.approx(expected[scene.kind], rel=0.01), "within what other versions may round"
