"""The fields of a form other than its files: types, defaults, what each means, and which go together."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from numpy_vitmatte.matting.background import named_background
from numpy_vitmatte.serve.problems import Problem

FORMATS = {
    "alpha": ("png", "png16", "npy", "webp", "jpeg"),
    "cutout": ("png", "webp"),
    "composite": ("png", "webp", "jpeg"),
    "trimap": ("png", "webp", "npy"),
    "trust": ("png", "webp"),
    "all": ("png", "png16", "npy", "webp", "jpeg"),
}
"""Each output and the formats that it can have: a cut-out needs transparency, a trimap exact values."""

_IN = "The width by which the unknown reaches into the mask's foreground, in pixels (10) or as a share (2%)."
_OUT = "The width by which the unknown reaches into the mask's background, in pixels (10) or as a share (2%)."

Fields = TypeVar("Fields", bound=BaseModel)
Text = Annotated[str, Field(max_length=100)]


class MatteFields(BaseModel):
    """The options of a matting, and the pictures that are wanted."""

    model_config = ConfigDict(extra="forbid")

    model: Text | None = Field(
        None, description="The name of the checkpoint, as GET /v1/models lists them; the first one is the default."
    )
    output: Literal["alpha", "cutout", "composite", "trimap", "trust", "all"] = Field(
        "alpha",
        description="The picture that is wanted. alpha is the alpha itself; cutout is the subject with its alpha as "
        "transparency; composite shows it before a background; trimap shows how the trimap was understood, and nothing "
        "is computed; trust shows where to look twice; all is a zip of these and the report.",
    )
    format: Literal["png", "png16", "npy", "webp", "jpeg"] = Field(
        "png",
        description="The format of the picture. Where output is all, it is the alpha's format, and the others are PNG.",
    )
    background: Text | None = Field(
        None,
        description="The background of a composite: a color as CSS writes it, 'checkerboard', or an uploaded picture.",
    )
    fit: Literal["cover", "fit"] | None = Field(
        None, description="The way in which an uploaded background is scaled: it covers the photo, or fits into it."
    )
    colors: Literal["estimated", "photo"] | None = Field(
        None,
        description="The colors of half-transparent pixels: the subject's own, which pymatting estimates (the default "
        "where it is installed), or the photo's.",
    )
    linear: bool = Field(False, description="Blends light instead of stored levels.")
    profile: Literal["hf", "hustvl"] = Field(
        "hf", description="The preprocessing: that of the checkpoint's file, or that of ViTMatte's authors."
    )
    raw: bool = Field(False, description="Gives the network's own values also where the trimap knows the answer.")
    max_side: int | None = Field(
        None,
        description="Computes the alpha at this many pixels a side at most, an approximation.",
        json_schema_extra={"anyOf": [{"type": "integer", "minimum": 32}, {"type": "null"}]},
    )
    upscale: float | None = Field(
        None,
        description="Enlarges the photo for the network by this factor, for structure of one or two pixels.",
        json_schema_extra={"anyOf": [{"type": "number", "minimum": 1, "maximum": 4}, {"type": "null"}]},
    )
    precision: Literal["highest", "high", "medium"] | None = Field(
        None,
        description="The precision of products: float32, two bfloat16 numbers for each, or one; by default the "
        "service's own.",
    )
    erode: Text | None = Field(None, description=f"{_IN} It needs a mask.")
    dilate: Text | None = Field(None, description=f"{_OUT} It needs a mask.")
    trust: bool = Field(
        False, description="Adds the trust map to output all, for which the network runs a second time."
    )
    report: Literal["header", "part"] = Field(
        "header",
        description="The place of the report: the header X-Matting-Report, or the first part of a "
        "multipart/form-data answer whose other parts are the pictures.",
    )


class TrimapFields(BaseModel):
    """The options by which a trimap is made of a mask, or examined."""

    model_config = ConfigDict(extra="forbid")

    erode: Text | None = Field(None, description=_IN)
    dilate: Text | None = Field(None, description=_OUT)
    background: float | None = Field(None, description="Mask values up to this one, of 1, are surely background.")
    foreground: float | None = Field(None, description="Mask values from this one on, of 1, are surely foreground.")
    check: bool = Field(False, description="Examines a trimap; the answer says as JSON what was found.")
    repair: bool = Field(
        False, description="Makes check answer the repaired trimap; the header X-Matting-Report says what was found."
    )
    format: Literal["png", "npy", "webp"] = Field("png", description="The format of the trimap.")


def parse_fields(kind: type[Fields], texts: dict[str, str]) -> Fields:
    """Read the fields of a form.

    Raises
    ------
    Problem
        422: an unknown name, or a value that cannot be.
    """
    try:
        return kind.model_validate(texts)
    except ValidationError as error:
        raise Problem(422, "invalid_field", _sentence(kind, error.errors()[0])) from None


def _sentence(kind: type[BaseModel], error: Any) -> str:
    name = str(error["loc"][0])[:40]
    if error["type"] == "extra_forbidden":
        return f"there is no field {name!r}; fields are: {', '.join(kind.model_fields)}"
    advice = error["msg"][:1].lower() + error["msg"][1:]
    return f"{name} is {str(error['input'])[:60]!r}; {advice}"


def check_matte_fields(fields: MatteFields, files: frozenset[str]) -> None:
    """See that a matting request is whole, and that no field is without effect: it was meant to have one.

    Raises
    ------
    Problem
        422.
    """
    if "image" not in files:
        raise _missing("image", "the photo")
    if ("trimap" in files) == ("mask" in files):
        found = "trimap and mask are both given" if "mask" in files else "there is neither trimap nor mask"
        raise Problem(422, "missing_field", f"{found}; expected one of them, as a file")
    if fields.format not in FORMATS[fields.output]:
        formats = ", ".join(FORMATS[fields.output])
        raise _conflict(f"output {fields.output} cannot be {fields.format}; expected one of {formats}")
    picture = "background" in files
    if picture and fields.background is not None:
        raise Problem(422, "duplicate_field", "background is given as a file and by name; give it once")
    if fields.background is not None and named_background(fields.background) is None:
        expected = "a color as in white or #1e90ff, checkerboard, or a file"
        raise Problem(422, "invalid_field", f"background is {fields.background!r}; expected {expected}")
    colored = fields.output in ("cutout", "composite", "all")
    blended = fields.output in ("composite", "all")
    for name, given, wanted, there in (
        ("erode", fields.erode is not None, "a mask", "mask" in files),
        ("dilate", fields.dilate is not None, "a mask", "mask" in files),
        ("background", picture or fields.background is not None, "output composite or all", blended),
        ("fit", fields.fit is not None, "an uploaded background", picture),
        ("colors", fields.colors is not None, "output cutout, composite or all", colored),
        ("linear", fields.linear, "output cutout, composite or all", colored),
        ("trust", fields.trust, "output all; there is also output trust", fields.output == "all"),
    ):
        if given and not there:
            raise _conflict(f"{name} has an effect only with {wanted}; leave it out")
    if fields.output == "composite" and not (picture or fields.background):
        raise _missing("background", "a picture, a color or checkerboard")


def check_trimap_fields(fields: TrimapFields, files: frozenset[str]) -> None:
    """See that a request about a trimap is whole, and that no field is without effect.

    Raises
    ------
    Problem
        422.
    """
    if fields.check and "trimap" not in files:
        raise _missing("trimap", "the one that is to be examined")
    if not fields.check and "mask" not in files:
        raise _missing("mask", "a trimap is made of it; to examine a trimap, give it with check")
    for name in ("erode", "dilate", "background", "foreground"):
        if fields.check and getattr(fields, name) is not None:
            raise _conflict(f"{name} has an effect only where a trimap is made of a mask; leave it out, or check")
    for name, given in (("repair", fields.repair), ("image", "image" in files), ("trimap", "trimap" in files)):
        if given and not fields.check:
            raise _conflict(f"{name} has an effect only with check; a mask alone makes a trimap")
    if fields.check and "mask" in files:
        raise _conflict("mask has no effect with check, which examines a trimap; give one of them")
    if fields.check and not fields.repair and fields.format != "png":
        raise _conflict("format has an effect only where a trimap is answered; without repair, check answers JSON")


def _missing(name: str, what: str) -> Problem:
    return Problem(422, "missing_field", f"{name} is missing: {what}, as a file")


def _conflict(message: str) -> Problem:
    return Problem(422, "conflicting_fields", message)
