"""Images in and out: opening and decoding them, the meaning of their numbers, writing them."""
