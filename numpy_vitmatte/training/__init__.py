"""How weights come to be: what an alpha is worth, and how a gradient moves the weights. No PyTorch."""
