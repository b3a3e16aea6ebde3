"""Write the data of docs/attention.md as a script, which a page opened from a file may load (fetch is forbidden there).

What was measured is kept in docs/_build, under a hash of all that it depends on, since the gradients take a while.
"""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from attention.gradients import CROP, LEVELS, Gradient, gradients
from attention.maps import encode, packed
from attention.scene import MODEL, Scene, look
from attention.stops import stops

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "docs" / "_build" / "attention"
SCRIPT = "attention-data.js"


def setup(app: Any) -> dict[str, Any]:
    """Write the script into the finished site, if the site has the page."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Any, failure: Exception | None) -> None:
    if failure is None and app.builder.format == "html" and "attention" in app.env.found_docs:
        (Path(app.outdir) / "_static" / SCRIPT).write_text(script(), encoding="utf-8")


def script() -> str:
    """Give the script's text: as it is kept, or measured anew."""
    path = KEPT / f"{_hash()}.js"
    if not path.is_file():
        scene = look()
        text = f"const ATTENTION = {json.dumps(content(scene, gradients(scene)))};\n"
        KEPT.mkdir(parents=True, exist_ok=True)
        for older in KEPT.glob("*.js"):
            older.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _hash() -> str:
    """Hash the weights, the photo, and the sources that measure."""
    sources = [*(ROOT / "weights" / MODEL).glob("*.*")]
    sources += [(ROOT / "numpy_vitmatte" / "demo" / name) for name in ("photo.jpg", "trimap.png")]
    sources += [*Path(__file__).parent.glob("*.py"), *(ROOT / "numpy_vitmatte").glob("reference*.py")]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def content(scene: Scene, found: dict[tuple[int, int], Gradient]) -> dict[str, Any]:
    """Collect all that the page shows, as JSON has it; arrays as base64 of their compressed bytes."""
    config = scene.model.config.backbone_config
    known = scene.by_token(scene.trimap)
    labels = np.where((known == 128).any(-1), 1, np.where(known.mean(-1) > 127, 2, 0)).astype(np.uint8)
    blocks = [
        {"window": config.window_size if block in config.window_block_indices else 0, "maps": _text(encode(attention))}
        for block, attention in enumerate(scene.attentions)
    ]
    return {
        "side": len(scene.photo),
        "patch": config.patch_size,
        "grid": len(labels),
        "heads": config.num_attention_heads,
        "blocks": blocks,
        "labels": _text(labels),
        "pictures": {
            "photo": _picture(scene.photo, "WEBP", quality=82, method=6),
            "trimap": _picture(scene.trimap, "PNG", optimize=True),
            "alpha": _picture(np.rint(255 * scene.alpha).astype(np.uint8), "WEBP", quality=82, method=6),
        },
        "stops": stops(scene),
        "gradients": _gradients(found),
    }


def _gradients(found: dict[tuple[int, int], Gradient]) -> dict[str, Any]:
    return {
        "crop": CROP,
        "levels": LEVELS,
        "tokens": [
            {
                "token": token,
                "pixel": gradient.pixel,
                "corner": gradient.corner,
                "trimap": round(gradient.trimap, 3),
                "half": round(gradient.half, 1),
                "most": round(gradient.most, 1),
            }
            for token, gradient in found.items()
        ],
        "maps": _text(np.stack([gradient.levels for gradient in found.values()])),
    }


def _text(numbers: NDArray[np.uint8]) -> str:
    return base64.b64encode(packed(numbers)).decode()


def _picture(pixels: NDArray[np.uint8], kind: str, **options: Any) -> str:
    """Make an address that holds the picture itself."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
