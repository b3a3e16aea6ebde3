"""How the bundled ViTMatte was trained: sources, shapes, compositor, trimaps, losses, trainer, validation."""
