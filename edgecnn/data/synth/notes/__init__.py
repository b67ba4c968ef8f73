"""Whole banknotes in front of a camera, drawn with their labels; nothing here copies artwork."""
