"""Whole folders: what is to be done with one photo, what a folder's outputs were made with, and who does the work."""
