"""Pictures in and out: opening them, what their numbers mean, writing them."""
