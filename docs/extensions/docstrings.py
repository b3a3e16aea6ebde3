"""Three corrections to what autodoc and napoleon make of the package's docstrings."""

import re

SEVERAL = re.compile(r"(\w+(?:, \w+)+)( : .*)?$")


def skip_member(app, kind, name, member, skip, options):
    """Leave out what Python writes about a named tuple's fields; the class's own docstring says more."""
    return skip or (getattr(member, "__doc__", None) or "").startswith("Alias for field number")


def one_attribute_at_a_time(lines):
    """Split ``a, b : type`` and its description under "Attributes": napoleon does so under "Parameters" only."""
    if "Attributes" not in lines:
        return lines
    first = lines.index("Attributes") + 2
    result, index = lines[:first], first
    while index < len(lines):
        end = index + 1
        while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
            end += 1
        several = SEVERAL.match(lines[index])
        names = several[1].split(", ") if several else []
        for name in names:
            result += [name + (several[2] or ""), *lines[index + 1 : end]]
        if not names:
            result += lines[index:end]
        index = end
    return result


def prepare(app, kind, name, member, options, lines):
    """Rewrite a docstring before napoleon reads it."""
    if kind in ("data", "attribute"):
        lines[:0] = ["..", ""]  # a comment first, or the words before a colon are taken for the variable's type
    elif kind == "class":
        lines[:] = one_attribute_at_a_time(lines)


def setup(app):
    """Let Sphinx know the corrections."""
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", prepare, priority=400)  # before napoleon's 500
    return {"parallel_read_safe": True}
