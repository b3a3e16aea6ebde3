"""Arithmetic on arrays in Numba; no layer of the network."""
