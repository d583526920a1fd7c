"""The tables of tickets, of leases, and of how long jobs took."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="Kind",
            fields=[
                (
                    "kind",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("took", models.TextField()),
            ],
            options={
                "db_table": "phanedge_kind",
            },
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                (
                    "name",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("owner", models.TextField()),
                ("token", models.BigIntegerField()),
                ("until", models.FloatField()),
            ],
            options={
                "db_table": "phanedge_lease",
            },
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "id",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("version", models.PositiveIntegerField()),
                ("stage", models.CharField(max_length=20)),
                ("key", models.TextField(null=True)),
                ("request_sha256", models.CharField(max_length=64, null=True)),
                ("model", models.TextField(null=True)),
                ("resolution", models.TextField(null=True)),
                ("job_id", models.TextField(null=True)),
                ("platform_id", models.TextField(null=True)),
                ("file_id", models.TextField(null=True)),
                ("save_to", models.TextField(null=True)),
                ("max_wait", models.FloatField(null=True)),
                ("retrieve", models.BooleanField()),
                ("status", models.TextField(null=True)),
                ("history", models.TextField(null=True)),
                ("polls", models.PositiveIntegerField()),
                ("errors", models.TextField(null=True)),
                ("error", models.TextField(null=True)),
                ("video", models.TextField(null=True)),
                ("since", models.FloatField()),
                ("submitted_at", models.FloatField(null=True)),
                ("ended_at", models.FloatField(null=True)),
                ("deadline", models.FloatField(null=True)),
                ("next_at", models.FloatField(null=True)),
                ("resends", models.PositiveIntegerField()),
                ("message", models.TextField(null=True)),
                ("format", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name": "job",
                "db_table": "phanedge_ticket",
                "ordering": ("-since", "-id"),
                "indexes": [
                    models.Index(fields=["next_at"], name="phanedge_ticket_next_at"),
                    models.Index(fields=["since"], name="phanedge_ticket_since"),
                ],
            },
        ),
    ]
