"""PyTorch's own file format, read without PyTorch and without running its pickles."""
