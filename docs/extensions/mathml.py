"""Equations as MathML, which browsers draw themselves: the pages load nothing and can be read without a network."""

from docutils import nodes
from latex2mathml.converter import convert


def _visit_inline(self, node):
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _visit_display(self, node):
    self.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Offer the renderer under the name ``mathml``."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_display, None))
    return {"parallel_read_safe": True}
