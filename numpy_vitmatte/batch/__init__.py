"""Whole folders: the job of one photo, the record of a folder, and the processes or machines that do the work."""
