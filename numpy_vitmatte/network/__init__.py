"""The network: its parameters, the pass that runs, and the memory that it takes."""

from numpy_vitmatte.network.by_layers import forward_by_layers
from numpy_vitmatte.network.forward_pass import forward
from numpy_vitmatte.network.parameters import pack_network

__all__ = ["forward", "forward_by_layers", "pack_network"]
