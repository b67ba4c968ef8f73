"""What the gate asks of each task: one module each, and one line in `edgecnn_export.sources`."""
