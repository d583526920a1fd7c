"""The table of how long jobs took."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("phanedge", "0001_initial")]

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
            options={"db_table": "phanedge_kind"},
        ),
    ]
