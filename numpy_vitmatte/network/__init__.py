"""The network: its parameters, the pass that runs, and the memory that it takes."""

from numpy_vitmatte.network.forward_pass import forward
from numpy_vitmatte.network.parameters import pack_network

__all__ = ["forward", "pack_network"]
