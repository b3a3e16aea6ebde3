"""A checkpoint's name becomes a folder on this disk: bundled, in the Hugging Face cache, or downloaded into it."""
