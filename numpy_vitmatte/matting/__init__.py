"""What people do with an alpha: cut-outs, new backgrounds, errors, a guided filter for big photos."""
