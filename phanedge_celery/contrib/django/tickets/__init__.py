"""Tickets in Django's own database."""
