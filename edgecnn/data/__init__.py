"""Readers, checks and generators of data. Torch-free: they run on a board as well."""
