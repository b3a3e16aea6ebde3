"""The page in a real browser: painting, matting, downloading; by mouse and by keyboard alone."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.browser import running_browser
from support.service_process import running_service

from numpy_vitmatte import matte
from numpy_vitmatte.images.value_range import to_integers

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

DEMO = Path(__file__).resolve().parents[2] / "numpy_vitmatte" / "demo"
PATIENCE = 120_000  # milliseconds for a matting on a machine that has other things to do


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A service with the bundled checkpoint."""
    with running_service(log=tmp_path_factory.mktemp("site") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with running_browser() as opened:
        yield opened


@pytest.fixture
def page(browser, site, request):
    """A page that is open, and at the end has complained of nothing."""
    options = getattr(request, "param", {"viewport": {"width": 1280, "height": 900}})
    context = browser.new_context(accept_downloads=True, **options)
    opened, complaints = context.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else 0)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(site.address)
    until(opened, "document.querySelector('#model').options.length > 0")
    yield opened
    context.close()
    assert complaints == []


def until(page, expression):
    """Wait until an expression is true. Playwright's own waiting evaluates strings, which the page's policy forbids."""
    for _ in range(PATIENCE // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never came true: {expression}")


def drop(page, path, place="#drop"):
    """Drop a file on a place of the page, as a file manager would."""
    content = list(path.read_bytes())
    transfer = page.evaluate_handle(
        "([bytes, name]) => { const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/jpeg' })); return data; }",
        [content, path.name],
    )
    page.dispatch_event(place, "drop", {"dataTransfer": transfer})
    page.wait_for_selector("#paint:not([hidden])")


def stroke(page, *points):
    """Draw with the mouse; points are shares of the stage's width and height."""
    page.locator("#stage").scroll_into_view_if_needed()
    box = page.locator("#stage").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=10)
    page.mouse.up()


def middle_of(page, selector):
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def saved(page, button):
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path()).read_bytes()


def matted(page):
    """Press the button, and wait for the result."""
    page.evaluate("document.querySelector('#status').textContent = ''")
    page.click("#matte")
    until(page, "document.querySelector('#status').textContent.startsWith('done')")


def overlay(page):
    """What is painted, as the overlay shows it, once everything is drawn."""
    return page.evaluate(
        """async () => {
          for (let frame = 0; frame < 30; frame++) await new Promise(requestAnimationFrame);
          const canvas = document.querySelector("#overlay");
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const digest = await crypto.subtle.digest("SHA-256", data);
          return Array.from(new Uint8Array(digest)).join();
        }"""
    )


def test_drop_paint_matte_download(page, tmp_path):
    drop(page, DEMO / "photo.jpg")
    stroke(page, (0.5, 0.35), (0.5, 0.9), (0.6, 0.9))
    page.check("input[name=label][value='0']")
    stroke(page, (0.25, 0.1), (0.25, 0.5))
    stroke(page, (0.75, 0.1), (0.78, 0.5))
    matted(page)
    trimap_file, alpha_file = saved(page, "#save-trimap"), saved(page, "#save-alpha")
    trimap = Image.open(io.BytesIO(trimap_file))
    assert (trimap.format, trimap.mode, trimap.size) == ("PNG", "L", (512, 512))
    assert set(np.unique(trimap)) == {0, 128, 255}
    expected = matte(DEMO / "photo.jpg", np.asarray(trimap))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(alpha_file))), to_integers(expected))
    cutout = np.asarray(Image.open(io.BytesIO(saved(page, "#save-cutout"))))
    np.testing.assert_array_equal(cutout[..., 3], to_integers(expected))
    assert "foreground" in page.inner_text("#remarks")


def test_one_click_for_a_newcomer(page):
    page.click("#demo")
    page.wait_for_selector("#result:not([hidden])", timeout=PATIENCE)
    trimap = np.asarray(Image.open(io.BytesIO(saved(page, "#save-trimap"))))
    np.testing.assert_array_equal(trimap, np.asarray(Image.open(DEMO / "trimap.png")))
    assert "nothing to repair" in page.inner_text("#remarks")


def test_undo_redo_eraser_and_fill(page):
    drop(page, DEMO / "photo.jpg")
    states = [overlay(page)]
    assert page.is_disabled("#undo")
    stroke(page, (0.4, 0.4), (0.6, 0.6))
    states.append(overlay(page))
    page.check("input[name=label][value='0']")
    page.check("input[name=tool][value='fill']")
    stroke(page, (0.3, 0.1))
    states.append(overlay(page))
    page.check("input[name=tool][value='brush']")
    page.check("input[name=label][value='erase']")
    stroke(page, (0.45, 0.45), (0.55, 0.55))
    states.append(overlay(page))
    assert len(set(states)) == 4
    for expected in reversed(states[:-1]):
        page.click("#undo")
        assert overlay(page) == expected
    for expected in states[1:]:
        page.click("#redo")
        assert overlay(page) == expected
    assert page.is_disabled("#redo")


def test_the_band_around_what_is_painted(page):
    drop(page, DEMO / "photo.jpg")
    page.click("#all-background")
    stroke(page, (0.5, 0.3), (0.5, 0.7))
    before = overlay(page)
    page.focus("#band")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('#band-shown').textContent === '8 px'")
    until(page, "document.querySelector('#remarks').textContent.includes(' unknown')")
    wide = overlay(page)
    assert wide != before
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    for _ in range(100):  # a narrower band is made of what was painted, not of the wider band
        if overlay(page) == before:
            break
        page.wait_for_timeout(100)
    assert overlay(page) == before


def tab_to(page, name, limit=60):
    """Press Tab until an element has the focus."""
    for _ in range(limit):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {name}")


def test_the_keyboard_alone(page):
    tab_to(page, "demo")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result:not([hidden])", timeout=PATIENCE)
    tab_to(page, "all-unknown")
    page.keyboard.press("Space")
    until(page, "!document.querySelector('#undo').disabled")
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "stage")
    page.keyboard.down(" ")
    for key in ["Shift+ArrowDown"] * 3 + ["ArrowLeft"] * 2:
        page.keyboard.press(key)
    page.keyboard.up(" ")
    page.keyboard.press("b")
    assert page.is_checked("input[name=label][value='0']")
    for key in ["Shift+ArrowLeft"] * 4 + ["Shift+ArrowUp"] * 5 + ["]", "]", "Enter"]:
        page.keyboard.press(key)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    page.evaluate("document.querySelector('#status').textContent = ''")
    tab_to(page, "matte")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#status').textContent.startsWith('done')")
    tab_to(page, "save-trimap")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert set(np.unique(Image.open(waiting.value.path()))) == {0, 128, 255}


def test_views_of_the_result(page, tmp_path):
    """Trust map, alpha, backgrounds, the photo beside it; in the loupe one pixel of the photo is one of the screen."""
    page.click("#demo")
    page.wait_for_selector("#result:not([hidden])", timeout=PATIENCE)
    assert page.is_disabled("#show-trust")
    page.check("#with-trust")
    matted(page)
    page.check("#show-trust")
    assert page.is_visible("#trust")
    page.check("input[name=behind][value='color']")
    page.fill("#color", "#ff0000")
    page.check("#show-loupe")
    page.locator("#compare").hover(position={"x": 5, "y": 5})  # a corner of the photo, all background
    until(page, "document.querySelector('#shown').complete")
    corner, middle = page.evaluate(
        """() => { const loupe = document.querySelector("#loupe"), context = loupe.getContext("2d");
        const at = (x) => Array.from(context.getImageData(x, x, 1, 1).data);
        return [at(loupe.width / 2), at(2)]; }"""
    )
    assert corner == middle == [255, 0, 0, 255]
    page.check("input[name=view][value='alpha']")
    until(page, "document.querySelector('#shown').naturalWidth === 512")
    page.check("input[name=behind][value='picture']")
    page.set_input_files("#picture-file", DEMO / "photo.jpg")
    until(page, "document.querySelector('#backdrop').style.background.includes('blob:')")
    page.uncheck("#show-loupe")
    page.mouse.click(*middle_of(page, "#compare"))
    assert page.evaluate("document.querySelector('#before').style.clipPath") == "inset(0px 50% 0px 0px)"
    page.focus("#split")
    page.keyboard.press("End")
    assert page.evaluate("document.querySelector('#before').style.clipPath") == "inset(0px 0% 0px 0px)"


def test_paste_and_refresh_while_painting(page):
    content = list((DEMO / "photo.jpg").read_bytes())
    page.evaluate(
        """(bytes) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "x.jpg", { type: "image/jpeg" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data })); }""",
        content,
    )
    page.wait_for_selector("#paint:not([hidden])")
    page.check("#live")
    stroke(page, (0.5, 0.4), (0.5, 0.9))
    until(page, "document.querySelector('#status').textContent.startsWith('done')")
    first = page.get_attribute("#save-alpha", "href")
    stroke(page, (0.45, 0.4), (0.55, 0.9))
    until(page, f"document.querySelector('#save-alpha').getAttribute('href') !== {first!r}")


def in_sight(page, selector):
    """Whether an element is on the screen, without scrolling."""
    box = page.locator(selector).bounding_box()
    return box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


def test_a_sentence_instead_of_a_picture(page, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"This is no picture.")
    page.set_input_files("#photo-file", tmp_path / "photo.jpg")
    until(page, "document.querySelector('#status').textContent.startsWith('this browser cannot show')")
    assert in_sight(page, "#status")


def test_files_are_taken_where_they_are_dropped(page):
    drop(page, DEMO / "photo.jpg")
    photo = page.get_attribute("#photo", "src")
    drop(page, DEMO / "trimap.png", "label[for=trimap-file]")
    until(page, "document.querySelector('#remarks').textContent.includes('nothing to repair')")
    as_trimap = overlay(page)
    drop(page, DEMO / "trimap.png", "label[for=mask-file]")
    for _ in range(100):
        if overlay(page) != as_trimap:
            break
        page.wait_for_timeout(100)
    assert overlay(page) != as_trimap
    assert page.get_attribute("#photo", "src") == photo


@pytest.mark.parametrize("page", [{"viewport": {"width": 390, "height": 844}, "has_touch": True}], indirect=True)
def test_two_fingers_zoom_and_paint_nothing(page):
    drop(page, DEMO / "photo.jpg")
    stroke(page, (0.4, 0.4), (0.6, 0.6))
    painted, before = overlay(page), page.evaluate("document.querySelector('#world').style.transform")
    box = page.locator("#stage").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    touch = page.context.new_cdp_session(page)

    def fingers(kind, *distances):
        points = [{"x": middle[0] + x, "y": middle[1], "id": number} for number, x in enumerate(distances)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", -20)
    fingers("touchMove", -30)  # the first finger begins to paint
    fingers("touchStart", -30, 30)
    fingers("touchMove", -90, 90)
    fingers("touchEnd")
    assert overlay(page) == painted
    assert page.is_disabled("#redo")
    scale = [float(text.partition("scale(")[2].rstrip(")"))
             for text in (before, page.evaluate("document.querySelector('#world').style.transform"))]  # fmt: skip
    assert scale[1] == pytest.approx(3 * scale[0], rel=0.05)  # from 60 pixels apart to 180
    page.click("#undo")
    assert overlay(page) != painted


def test_what_the_service_refuses_is_said_in_its_words(page, tmp_path):
    drop(page, DEMO / "photo.jpg")
    page.set_input_files("#mask-file", DEMO / "trimap.png")
    until(page, "document.querySelector('#remarks').textContent.includes('unknown')")
    Image.new("L", (100, 50)).save(tmp_path / "small.png")
    page.set_input_files("#mask-file", tmp_path / "small.png")
    until(page, "document.querySelector('#status').textContent.includes('that is 100 x 50 pixels')")


def longest_task(trace):
    """Milliseconds of processor time of the longest task of a page's main thread."""
    events = json.loads(trace)["traceEvents"]
    main = {(event["pid"], event["tid"]) for event in events
            if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"}  # fmt: skip
    tasks = [event["tdur"] for event in events
             if event["name"] == "RunTask" and "tdur" in event and (event["pid"], event["tid"]) in main]  # fmt: skip
    assert len(tasks) > 100
    return max(tasks) / 1000


def test_twelve_megapixels_stay_responsive(page, browser, tmp_path):
    """No task of the page's main thread takes 200 ms of the processor while one paints, whatever else runs there."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((4000, 3000)).save(tmp_path / "photo.jpg", quality=80)
    page.set_input_files("#photo-file", tmp_path / "photo.jpg")
    page.wait_for_selector("#paint:not([hidden])", timeout=PATIENCE)
    page.wait_for_timeout(2000)  # the photo is decoded, and the doctor has looked at the trimap
    browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline", "__metadata"])
    stroke(page, (0.2, 0.2), (0.8, 0.8), (0.2, 0.8), (0.8, 0.2))
    page.check("input[name=tool][value='fill']")
    stroke(page, (0.5, 0.25))
    page.wait_for_timeout(1500)
    page.check("input[name=tool][value='brush']")
    page.click("#undo")
    page.click("#undo")
    page.wait_for_timeout(1000)
    longest = longest_task(browser.stop_tracing())
    assert longest < 200


@pytest.mark.parametrize(
    "page",
    [
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
    ],
    ids=["desktop", "phone"],
    indirect=True,
)
def test_no_serious_fault_of_accessibility(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core: extra [serve-test]")
    assert serious_faults(axe, page) == []
    page.click("#demo")
    page.wait_for_selector("#result:not([hidden])", timeout=PATIENCE)
    assert serious_faults(axe, page) == []
    page.check("#with-trust")
    matted(page)
    for choice in ("#show-trust", "#show-loupe", "#live", "input[name=behind][value='color']"):
        page.check(choice)
    page.click("#keys-box summary")
    page.evaluate(
        "for (const id of ['token-row', 'stale', 'progress', 'stop']) document.getElementById(id).hidden = false"
    )
    page.set_input_files("#photo-file", Path(__file__))  # an error
    until(page, "document.querySelector('#status').classList.contains('trouble')")
    assert serious_faults(axe, page) == []
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]  # nothing has to be scrolled sideways


def serious_faults(axe, page):
    faults = axe.Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in faults
            if fault["impact"] in ("serious", "critical")]  # fmt: skip


def test_the_api_page_without_a_network(browser, site):
    context = browser.new_context()
    page, complaints, asked = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else 0)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.address}/docs")
    page.wait_for_selector("[data-path='/v1/matte']", timeout=PATIENCE)
    page.click("[data-path='/v1/matte']")
    page.wait_for_selector("option[value='multipart/form-data']", state="attached")
    context.close()
    assert complaints == []
    assert all(url.startswith((site.address, "data:")) for url in asked)
