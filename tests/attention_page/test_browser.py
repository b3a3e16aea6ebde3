"""The page in a real browser, from a file, without a network: its maps, the mouse, the keyboard, the tour."""

import base64
import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from attention import maps, scene
from support.browser import running_browser

pytestmark = pytest.mark.extras

pytest.importorskip("furo", reason="the page is built by Sphinx: pip install --group docs")

ROOT = Path(__file__).resolve().parents[2]
DESKTOP = {"viewport": {"width": 1300, "height": 900}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
MOST = 0.05
"""The share of a row's probability that the page may show on another token."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page alone, built by the documentation's own settings."""
    folder = tmp_path_factory.mktemp("site")
    only = ["-D", "include_patterns=attention.md", "-D", "root_doc=attention"]
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", *only, ROOT / "docs", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def seen():
    return scene.look()


@pytest.fixture(scope="module")
def browser():
    with running_browser() as opened:
        yield opened


@pytest.fixture
def page(browser, site, request):
    """The page, opened from its file; at the end it has complained of nothing and asked no network for anything."""
    context = browser.new_context(**getattr(request, "param", DESKTOP))
    opened, complaints, asked = context.new_page(), [], []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else 0)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda asking: asked.append(asking.url))
    opened.goto((site / "attention.html").as_uri())
    opened.wait_for_selector("#attention.ready")
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def state(page):
    return page.evaluate("attentionPage.state")


@pytest.fixture(scope="module")
def decoded(site, seen):
    """What the page's bytes stand for, block by block, as NumPy reads them."""
    text = (site / "_static" / "attention-data.js").read_text(encoding="utf-8")
    data = json.loads(text.removeprefix("const ATTENTION = ").rstrip(";\n"))
    squares = [
        np.frombuffer(zlib.decompress(base64.b64decode(block["maps"])), np.uint8).reshape(own.shape).astype(float) ** 2
        for block, own in zip(data["blocks"], seen.attentions, strict=True)
    ]
    return [square / square.sum(axis=-1, keepdims=True) for square in squares]


def test_every_row_in_the_page_is_within_5_percent_of_the_models_own(decoded, seen):
    for rows, own in zip(decoded, seen.attentions, strict=True):
        assert maps.distance(rows, own).max() < MOST


def test_the_page_is_small(site):
    files = [site / "attention.html", *(site / "_static").glob("attention*")]
    assert len(files) == 7
    assert sum(path.stat().st_size for path in files) < 900_000


def test_the_browser_decodes_the_same(page, decoded):
    """Rows and columns of every block and head, from tokens in four windows, up to float64's rounding of a sum."""
    grid = 24
    tables = [block[0] if len(block) == 1 else spread(block, grid) for block in decoded]
    for row, column in ((0, 0), (4, 7), (12, 2), (23, 22)):
        token = grid * row + column
        shown = page.evaluate(
            f"""attentionPage.maps.blocks.map((_, block) => [0, 1, 2].map((head) => ["to", "from"].map((way) =>
            Array.from(attentionPage.maps.map(block, [head], {token}, way)))))"""
        )
        for own, (to, received) in zip(tables, np.moveaxis(shown, 2, 1), strict=True):
            np.testing.assert_allclose(to, own[:, token], rtol=0, atol=1e-14)
            np.testing.assert_allclose(received, own[:, :, token], rtol=0, atol=1e-14)


def spread(windows, grid):
    """Put windows of probabilities (windows, heads, s s, s s) into one table (heads, N, N)."""
    side = int(windows.shape[-1] ** 0.5)
    table = np.zeros((windows.shape[1], grid**2, grid**2))
    numbers = np.arange(grid**2).reshape(grid, grid)
    for index, part in enumerate(windows):
        top, left = (side * place for place in divmod(index, grid // side))
        tokens = numbers[top : top + side, left : left + side].ravel()
        table[:, tokens[:, None], tokens[None]] = part
    return table


def test_a_click_chooses_the_token_and_a_map(page):
    box = page.locator("#at-stage").bounding_box()
    page.locator("#at-stage").click(position={"x": box["width"] * 2.5 / 24, "y": box["height"] * 20.5 / 24})
    assert state(page)["token"] == [20, 2]
    page.click("[data-block='3'][data-head='2']")
    assert (state(page)["block"], state(page)["head"]) == (3, 2)
    assert page.get_attribute("[data-block='3'][data-head='2']", "aria-pressed") == "true"
    assert page.inner_text("#at-status").startswith("Token in row 20 column 2, ")
    assert "Block 3, head 2: it looks most at row " in page.inner_text("#at-status")
    assert page.url.endswith("#t=20,2&b=3&h=2")
    page.check("input[name='at-direction'][value='from']")
    assert "is looked at most by row" in page.inner_text("#at-status")
    page.check("input[name='at-heads'][value='mean']")
    assert page.locator(".at-map:visible").count() == 6


def test_the_keyboard_moves_the_token(page):
    page.evaluate("attentionPage.change({ token: [0, 20], block: 5, head: 0 })")
    page.focus("#at-stage")
    for keys, expected in (
        (["ArrowLeft", "ArrowDown", "ArrowDown"], [2, 19]),
        (["ArrowUp"] * 4, [0, 19]),  # the photo ends there
        (["Shift+ArrowDown"], [8, 19]),
        (["ArrowRight"] * 6, [8, 23]),
    ):
        for key in keys:
            page.keyboard.press(key)
        assert state(page)["token"] == expected
    for key in ("PageUp", "2"):
        page.keyboard.press(key)
    assert (state(page)["block"], state(page)["head"]) == (4, 2)


def test_the_address_leads_to_a_token(page):
    page.evaluate("location.hash = '#t=3,9&b=2&h=1'")
    page.wait_for_function("attentionPage.state.token[0] === 3")
    assert (state(page)["block"], state(page)["head"]) == (2, 1)
    page.evaluate("location.hash = '#t=99,9&b=2&h=1'")  # no such token: nothing changes
    assert state(page)["token"] == [3, 9]


def test_the_tour_has_seven_stops(page):
    stops, told = [], []
    while page.is_enabled("#at-next"):
        page.click("#at-next")
        stops.append(page.inner_text("#at-stop"))
        told.append(page.inner_text("#at-told"))
    assert len(set(stops)) == len(set(told)) == 7
    assert not any(word in text for text in told for word in ("undefined", "NaN", "Infinity", "[object"))
    assert page.is_visible("#at-gradient")
    assert "gradient of the marked pixel" in page.inner_text("#at-status")
    page.click("#at-previous")
    assert state(page)["overlay"] == "attention"
    assert page.inner_text("#at-stop") == stops[-2]


def test_a_known_token_has_no_gradient_and_says_so(page):
    page.evaluate("attentionPage.change({ token: [20, 8], overlay: 'gradient' })")
    assert page.is_hidden("#at-gradient")
    assert "No gradient is kept for this token" in page.inner_text("#at-status")


@pytest.mark.parametrize("page", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True)
def test_no_serious_fault_of_accessibility(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core: extra [serve-test]")
    faults = axe.Axe().run(page, context="#attention", options={"preload": False}).response["violations"]
    serious = [fault for fault in faults if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in serious] == []
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]  # nothing has to be scrolled sideways
