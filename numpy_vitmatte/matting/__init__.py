"""Work with an alpha: cut-outs, new backgrounds, errors, trust, a guided filter for big photos."""
