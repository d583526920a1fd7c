"""Asking for videos, watching them come, seeing them."""
