"""edgecnn: train small convolutional networks, export them with proof, run them on small boards."""

__all__ = ["__version__"]

__version__ = "0.1.0"
