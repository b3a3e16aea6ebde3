"""Files that must be whole: JSON objects read with checks, outputs written all or not at all."""
