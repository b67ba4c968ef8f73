"""Readers of data sets, one file per kind; `edgecnn.data.open` tells the kinds apart."""
