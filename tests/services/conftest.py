"""Stacks for all tests against real services."""

from __future__ import annotations

from tests.stacks import each_way, redis_stack, stack, stacks

__all__ = ["each_way", "redis_stack", "stack", "stacks"]
