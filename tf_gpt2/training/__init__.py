"""The training loop and what belongs to it: settings, compiled steps, checkpoints, metrics."""
