"""Kernels are compiled here, and given threads and memory to run in; there is no arithmetic."""
