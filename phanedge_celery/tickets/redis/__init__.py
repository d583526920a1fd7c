"""Tickets in Redis."""
