"""Several layers in one call, for speed only: each gives the bits of its layers one after another."""
