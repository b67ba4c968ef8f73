"""Seeded generators of labelled pictures."""
