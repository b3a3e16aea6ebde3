"""Readers of the data folders and packages: photos, RGBA sprites, alpha masks, silhouettes.

Each reader is a generator of (name, PIL image). What is reserved for other people's evaluation is left out
here, by name, so that nothing downstream can train on it.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image, ImageOps

RESERVED_BRUSHES = ("A_leaves-mapple", "A_bamboo-leaves", "MZ_leaves", "L_Leaf_2", "N_Grass_1", "N_Grass_2", "A_herbs")
RESERVED_EMOJI = ("1f98a", "1f98b", "1f680")
CREATIVE_COMMONS, RDF = "{http://web.resource.org/cc/}", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"  # namespaces
Named = Iterator[tuple[str, Image.Image]]


def photos(folder: Path, side: int) -> Named:
    """Photographs under `folder` as RGB, longest side at most `side` (twice that where the original is large)."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"}):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        limit = side * 2 if max(image.size) >= 700 else side
        image.thumbnail((limit, limit), Image.Resampling.LANCZOS)
        yield path.stem, image


def rgba_sprites(folder: Path, side: int) -> Named:
    """RGBA pictures under `folder` (Kenney's sprites, Fluent emoji), cropped to what is not transparent."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".png", ".webp"}):
        if path.stem.split("-")[0].lower() in RESERVED_EMOJI:
            continue
        image = Image.open(path).convert("RGBA")
        box = image.getchannel("A").getbbox()
        if box is None or min(box[2] - box[0], box[3] - box[1]) < 24:
            continue
        image = image.crop(box)
        yield path.stem, resize_straight(image, side) if max(image.size) > side else image


def resize_straight(image: Image.Image, side: int) -> Image.Image:
    """Shrink an RGBA picture of straight colour: premultiply, resize (PIL does it for mode RGBa), divide again."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")


def krita_masks(bundle: Path, side: int) -> Named:
    """Brush tips of a Krita bundle (a zip of GBR, GIH and PNG files) as L pictures: alpha, 255 = covered."""
    with zipfile.ZipFile(bundle) as archive:
        for name in sorted(archive.namelist()):
            path = Path(name)
            if not name.startswith("brushes/") or path.stem in RESERVED_BRUSHES:
                continue
            for number, tip in enumerate(_tips(path.suffix.lower(), archive.read(name))):
                if min(tip.size) >= 24 and tip.getbbox() is not None:
                    tip.thumbnail((side, side), Image.Resampling.BOX)
                    yield f"{path.stem}-{number}", tip


def _tips(suffix: str, data: bytes) -> Iterator[Image.Image]:
    if suffix == ".gbr":
        yield from _gbr(data)
    elif suffix == ".gih":  # two lines of text, then brushes one after the other
        yield from _gbr(data.split(b"\n", 2)[2])
    elif suffix == ".png":
        image = Image.open(io.BytesIO(data))
        if "A" in image.getbands() and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
            yield image.convert("RGBA").getchannel("A")
        else:
            yield ImageOps.invert(image.convert("L"))


def _gbr(data: bytes) -> Iterator[Image.Image]:
    """GIMP brushes: big-endian header size, version, width, height, bytes per pixel; pixels follow the header."""
    while len(data) >= 20:
        header, _, width, height, depth = struct.unpack(">5I", data[:20])
        size = width * height * depth
        if not 20 <= header <= 4096 or depth not in (1, 4) or len(data) < header + size:
            return
        pixels = np.frombuffer(data, np.uint8, size, header).reshape(height, width, depth)
        yield Image.fromarray(np.ascontiguousarray(pixels[..., depth - 1]))
        data = data[header + size :]


def game_icons(icons_json: Path, side: int) -> Named:
    """Silhouettes of @iconify-json/game-icons: L pictures."""
    for name, icon in sorted(json.loads(icons_json.read_text())["icons"].items()):
        body = icon["body"].replace("currentColor", "#fff")
        image = _coverage(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">{body}</svg>', side)
        if image is not None and _is_silhouette(image):
            yield name, image


def clip_art(folder: Path, side: int) -> Named:
    """Outlines of the drawings of openclipart under `folder`, cropped: L pictures.

    Left out are links to other drawings, a thousand stars that a program drew alike, what resvg cannot read, and
    what fills its frame or hardly any of it.
    """
    for path in sorted(p for p in folder.rglob("*.svg") if not p.is_symlink() and p.parent.name != "stars"):
        image = _coverage(path.read_text("utf-8", "replace"), 2 * side) if _is_public_domain(path) else None
        box = None if image is None else image.getbbox()
        if image is None or box is None or min(box[2] - box[0], box[3] - box[1]) < 24:
            continue
        image = image.crop(box)
        if _is_silhouette(image):
            image.thumbnail((side, side), Image.Resampling.BOX)
            yield path.stem, image


def _is_public_domain(drawing: Path) -> bool:
    """Whether its own metadata say so: a few drawings of the collection name another licence, or none."""
    try:
        nodes = list(ElementTree.parse(drawing).iter(f"{CREATIVE_COMMONS}license"))
    except ElementTree.ParseError:
        return False
    licences = [node.get(f"{RDF}resource", "") for node in nodes]
    return bool(licences) and all("publicdomain" in licence.lower() for licence in licences)


def _coverage(svg: str, side: int) -> Image.Image | None:
    """Alpha of an SVG as L picture, its longest side `side`, by resvg; None where that cannot read it.

    Writing is left out: it would be set in the fonts of this machine.
    """
    import resvg_py

    try:
        data = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, dpi=96, skip_system_fonts=True)
    except ValueError:
        return None
    return Image.open(io.BytesIO(bytes(data))).convert("RGBA").getchannel("A")


def _is_silhouette(image: Image.Image) -> bool:
    """Neither nearly empty nor nearly full."""
    return bool(0.02 < np.asarray(image).mean() / 255 < 0.95)
