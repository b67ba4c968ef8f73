"""Training: recipes, data adaptors, the loop and checkpoints."""
