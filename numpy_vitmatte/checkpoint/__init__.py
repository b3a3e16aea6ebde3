"""A folder becomes checked tensors, and tensors become a folder."""
