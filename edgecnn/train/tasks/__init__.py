"""The host side of each task: one module each, and one line in `edgecnn.train.registry`."""
