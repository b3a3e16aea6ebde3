"""Traces: every layer's output in a file, to check another implementation of ViTMatte layer by layer."""

from numpy_vitmatte.tracing.comparison import TraceComparison, compare_traces
from numpy_vitmatte.tracing.photo import trace, trace_pixel_values
from numpy_vitmatte.tracing.trace_file import read_trace, save_trace

__all__ = ["TraceComparison", "compare_traces", "read_trace", "save_trace", "trace", "trace_pixel_values"]
