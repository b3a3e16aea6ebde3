"""The page docs/attention.md: where each head of each block looks, measured when the site is built.

``maps`` makes small bytes of attention probabilities, ``scene`` runs the bundled network, ``gradients`` goes backwards
through it, ``stops`` measures what the guided tour speaks of, and ``page`` writes it all beside the page.
"""

from attention.page import setup

__all__ = ["setup"]
