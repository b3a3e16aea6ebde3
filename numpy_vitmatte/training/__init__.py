"""Training without PyTorch: the loss of an alpha, and the steps by which a gradient moves the weights."""
