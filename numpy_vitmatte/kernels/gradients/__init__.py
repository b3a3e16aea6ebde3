"""Gradients of what kernels compute, as arithmetic on arrays; they are compiled only where gradients are asked for."""
