"""`celery phanedge`, loaded when it is called.

Celery loads the entry points of its command at every start, whatever the app. The
package itself would come with its tasks and its watch into the workers of apps that
have nothing to do with it, so this module stands beside it.
"""

from __future__ import annotations

import click


class Lazily(click.Group):
    """Our commands, imported once somebody asks for them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _commands().get_command(ctx, cmd_name)

    def format_help_text(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        _commands().format_help_text(ctx, formatter)


def _commands() -> click.Group:
    from phanedge_celery.cli import phanedge

    return phanedge


phanedge = Lazily("phanedge", help="Videos from PhanEdge: find hazards, submit, list.")
