"""Banknotes: from a picture to currency and serial number."""
