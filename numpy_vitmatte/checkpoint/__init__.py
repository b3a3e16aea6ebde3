"""Where weights come from and go to: find a checkpoint's directory, read its tensors, check every one, write them."""
