"""ICC profiles, written by hand from the published numbers of their color spaces."""

import struct

SRGB_CURVE = (3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
"""IEC 61966-2-1 as a parametric curve of type 3."""

# Primaries adapted to D50, as Apple's and Adobe's own profiles have them.
P3_PRIMARIES = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]
ADOBE_PRIMARIES = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]


def _fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def xyz(*numbers):
    return b"XYZ \0\0\0\0" + _fixed(*numbers)


def parametric(kind, numbers):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(*numbers)


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def sampled_curve(samples):
    return b"curv\0\0\0\0" + struct.pack(f">I{len(samples)}H", len(samples), *samples)


def profile(space, tags, pcs=b"XYZ "):
    """A profile of version 4: its header, its table of tags, their content."""
    tags = {"desc": _description(), "wtpt": xyz(0.9642, 1, 0.8249), "cprt": _description(), **tags}
    table, content, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name.encode(), start + len(content), len(data))
        content += data
    head = bytearray(128)
    head[8:12], head[12:16], head[16:20], head[20:24] = b"\x04\0\0\0", b"mntr", space, pcs
    head[24:36] = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    head[36:40] = b"acsp"
    head[68:80] = _fixed(0.9642, 1, 0.8249)
    head[0:4] = struct.pack(">I", start + len(content))
    return bytes(head) + struct.pack(">I", len(tags)) + table + content


def rgb_profile(primaries, curve):
    tags = {f"{c}XYZ": xyz(*primary) for c, primary in zip("rgb", primaries, strict=True)}
    return profile(b"RGB ", {**tags, **{f"{c}TRC": curve for c in "rgb"}})


def _description():
    text = "by hand".encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text


def print_profile(corners):
    """A profile of CMYK by one table, linear between its 16 corners.

    Parameters
    ----------
    corners : callable
        Four inks, 0 or 1 each, to the three bytes of CIELAB.
    """
    ramp = bytes(range(256))
    table = b"".join(bytes(corners(c, m, y, k)) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1))
    content = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + 4 * ramp + table + 3 * ramp
    return profile(b"CMYK", {"A2B0": content, "A2B1": content}, b"Lab ")


DISPLAY_P3 = rgb_profile(P3_PRIMARIES, parametric(*SRGB_CURVE))
ADOBE_RGB = rgb_profile(ADOBE_PRIMARIES, gamma_curve(563 / 256))
GRAY_18 = profile(b"GRAY", {"kTRC": gamma_curve(1.8)})
