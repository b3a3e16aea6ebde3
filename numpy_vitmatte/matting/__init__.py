"""What people do around an alpha: trimaps, cut-outs, backgrounds."""
