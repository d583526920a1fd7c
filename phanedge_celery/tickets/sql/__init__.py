"""Tickets in any database that SQLAlchemy knows."""
