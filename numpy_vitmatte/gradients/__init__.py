"""The backward pass: how much a loss grows with every weight, by the layers of the forward pass in reverse."""
