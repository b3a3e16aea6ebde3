"""Pack the data folders into one zip that fits a short loan of a GPU: `python -m training.pack --help`."""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

from PIL import Image

from . import sources


def encode(image: Image.Image, kind: str, quality: int, webp: bool) -> tuple[str, bytes]:
    """File ending and bytes: JPEG for photos, PNG for masks, PNG or WebP (lossy colour, exact alpha) for sprites."""
    file = io.BytesIO()
    if kind == "sprites" and webp:
        image.save(file, "WEBP", quality=quality, alpha_quality=100)
        return ".webp", file.getvalue()
    if kind == "photos":
        image.save(file, "JPEG", quality=quality)
        return ".jpg", file.getvalue()
    image.save(file, "PNG")
    return ".png", file.getvalue()


def main() -> None:
    """Read the folders named on the command line, write one zip, print what it holds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("output", type=Path, help="the zip to write")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders of photographs")
    parser.add_argument("--sprites", type=Path, nargs="*", default=[], help="folders of RGBA pictures")
    parser.add_argument("--krita", type=Path, nargs="*", default=[], help="Krita bundles")
    parser.add_argument("--icons", type=Path, nargs="*", default=[], help="icons.json of @iconify-json/game-icons")
    parser.add_argument("--clip-art", type=Path, nargs="*", default=[], help="folders of openclipart's SVG files")
    parser.add_argument("--photo-side", type=int, default=400)
    parser.add_argument("--mask-side", type=int, default=256)
    parser.add_argument("--sprite-side", type=int, default=160)
    parser.add_argument("--every-icon", type=int, default=2, help="keep every n-th icon")
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--webp", action="store_true", help="sprites as WebP: a fraction of the size, lossy colour")
    args = parser.parse_args()

    found: dict[str, list[sources.Named]] = {
        "photos": [sources.photos(p, args.photo_side) for p in args.photos],
        "sprites": [sources.rgba_sprites(p, args.sprite_side) for p in args.sprites],
        "masks": [sources.krita_masks(p, args.mask_side) for p in args.krita]
        + [thin(sources.game_icons(p, args.mask_side), args.every_icon) for p in args.icons]
        + [sources.clip_art(p, args.mask_side) for p in args.clip_art],
    }
    with zipfile.ZipFile(args.output, "w", zipfile.ZIP_STORED) as archive:
        for kind, readers in found.items():
            count = size = 0
            for number, reader in enumerate(readers):
                for name, image in reader:
                    ending, data = encode(image, kind, args.quality, args.webp)
                    archive.writestr(f"{kind}/{number}-{count:05d}-{name}{ending}", data)
                    count, size = count + 1, size + len(data)
            print(f"{kind}: {count} pictures, {size / 2**20:.1f} MiB", flush=True)


def thin(pictures: sources.Named, every: int) -> sources.Named:
    """Every n-th picture."""
    for number, picture in enumerate(pictures):
        if number % every == 0:
            yield picture


if __name__ == "__main__":
    main()
