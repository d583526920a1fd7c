"""Metrics of a worker for Prometheus: `phanedge_metrics = 9808` serves them."""

from __future__ import annotations

from phanedge_celery.errors import ConfigurationError

try:
    import prometheus_client  # noqa: F401 - or say what to install
except ImportError as error:
    raise ConfigurationError(
        "phanedge_metrics needs prometheus-client:"
        " pip install 'phanedge-celery[prometheus]'"
    ) from error

from .serving import serve

__all__ = ["serve"]
