"""Photograph the page of a running service at desktop and phone width: serve_page.py [ADDRESS]. Needs playwright."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
SHOTS = {
    "serve-desktop": {"viewport": {"width": 1280, "height": 1180}, "color_scheme": "light"},
    "serve-phone": {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark", "has_touch": True},
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main(address: str = "http://127.0.0.1:7000") -> None:
    """Open the bundled photo, wait for a preview, and keep two pictures."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, options in SHOTS.items():
            page = browser.new_context(**options).new_page()
            page.goto(address)
            page.click("#demo")
            page.wait_for_selector("#result:not([hidden])", timeout=120_000)
            page.check("#live")
            page.wait_for_selector("#approximate:not([hidden])", timeout=120_000)
            page.focus("#split")
            for _ in range(35):
                page.keyboard.press("ArrowRight")
            page.evaluate("scrollTo(0, innerWidth < 800 ? document.querySelector('#size').offsetTop : 0)")
            page.wait_for_timeout(1000)
            photograph(page, HERE / f"{name}.webp")
        browser.close()


def photograph(page: Page, path: Path) -> None:
    """What is on the screen, as WebP."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(path, quality=80, method=6)


if __name__ == "__main__":
    main(*sys.argv[1:])
