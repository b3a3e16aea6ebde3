"""How a kernel is compiled, on which threads it runs and in which memory; no arithmetic."""
