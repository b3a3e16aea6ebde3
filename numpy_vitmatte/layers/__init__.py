"""The network, one part a file, in the order the data meets them; each a function on arrays and its parameters."""
