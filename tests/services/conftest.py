"""Stacks for all tests against real services."""

from __future__ import annotations

from tests.stacks import redis_stack, stack, stacks

__all__ = ["redis_stack", "stack", "stacks"]
