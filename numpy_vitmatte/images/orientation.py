"""The orientation of a picture, from its EXIF data alone.

Pillow also follows the XMP data of a file that has no orientation in EXIF. Browsers and OpenCV do not: a trimap that
was drawn on a photo there would not lie on it here.
"""

from PIL import ExifTags, Image, ImageOps

_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


def orientation_of(image: Image.Image) -> int:
    """Give EXIF's orientation of an image, 1 to 8; 1 is upright, from 5 on rows are columns of the upright image."""
    if _only_in_xmp(image) or _turned_by_decoder(image):
        return 1
    found = image.getexif().get(ExifTags.Base.Orientation, 1)
    return int(found) if found in range(2, 9) else 1  # writers leave 0 and worse, which viewers take for upright


def load_as_stored(image: Image.Image) -> None:
    """Decode an image. Pillow turns a TIFF while it decodes it, so XMP's orientation is hidden before."""
    if image.format == "TIFF" and _only_in_xmp(image):
        hidden = {key: image.info.pop(key) for key in _XMP_KEYS if key in image.info}
        try:
            image.getexif().pop(ExifTags.Base.Orientation, None)  # somebody may have asked for it before
            image.load()
        finally:
            image.info.update(hidden)
    else:
        image.load()


def upright(image: Image.Image) -> Image.Image:
    """Turn a decoded image by its EXIF orientation; one that is upright already is given back itself."""
    return image if orientation_of(image) == 1 else ImageOps.exif_transpose(image)


def _turned_by_decoder(image: Image.Image) -> bool:
    """Say whether the pixels are upright whatever EXIF says: so ISO/IEC 18181-2 has it, but for a repacked JPEG."""
    return image.format == "JXL" and not getattr(image, "jpeg", False)


def _only_in_xmp(image: Image.Image) -> bool:
    """Say whether there are XMP data, and an orientation that Pillow finds must be theirs: EXIF's own hold none."""
    if not any(key in image.info for key in _XMP_KEYS):
        return False
    exif = Image.Exif()
    if "exif" in image.info:
        exif.load(image.info["exif"])
    elif "Raw profile type exif" in image.info:
        exif.load(bytes.fromhex("".join(image.info["Raw profile type exif"].split("\n")[3:])))
    else:
        return ExifTags.Base.Orientation not in getattr(image, "tag_v2", ())
    return ExifTags.Base.Orientation not in exif
