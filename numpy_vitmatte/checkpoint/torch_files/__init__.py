"""PyTorch's own file format, read without PyTorch and without running its pickles.

No library that is kept up does this: PyTorch's ``weights_only`` needs PyTorch, and has been broken (CVE-2025-32434).
"""
