"""Trimaps: what their numbers mean, what is wrong with them, how they are scaled, made and repaired."""
