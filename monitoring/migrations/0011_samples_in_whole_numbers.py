"""Times and figures of samples and rollups become whole numbers, and keys that begin another index lose their own.

Django would write each table anew for each of its columns, and knows no way from a time to a number: each is written once here.
"""

import django.db.models.deletion
from django.db import migrations, models

import monitoring.models.fields

HUNDREDTHS = {  # by model: its columns beside `at`
    "framesample": ("frame_p50_ms", "frame_p95_ms", "frame_max_ms", "budget_ms"),
    "hostrollup": (
        "user_percent", "system_percent", "iowait_percent", "steal_percent", "steal_max_percent", "throttled_percent",
        "cpu_pressure_percent", "memory_pressure_percent", "io_pressure_percent",
    ),
    "hostsample": (
        "user_percent", "system_percent", "iowait_percent", "steal_percent", "load_1m", "quota_cores", "throttled_percent",
        "cpu_pressure_percent", "memory_pressure_percent", "io_pressure_percent", "received_bytes_per_s", "sent_bytes_per_s",
    ),
    "mediasample": (
        "encoded_fps", "encode_ms", "sent_kbps", "lost_percent", "round_trip_ms", "jitter_ms", "queued_sound_ms",
    ),
    "sessionrollup": ("cpu_percent", "fps", "frame_p50_ms", "frame_p95_ms", "frame_max_ms", "budget_ms"),
    "sessionsample": ("cpu_percent", "major_faults_per_s"),
    "visitsample": ("fps", "freeze_ms", "jitter_ms", "round_trip_ms", "lost_percent", "av_offset_ms"),
}
RELATED_NAMES = {
    "framesample": "frame_samples",
    "mediasample": "media_samples",
    "sessionrollup": "rollups",
    "sessionsample": "samples",
    "visitsample": "visit_samples",
}
ALWAYS_KNOWN = ("framesample", "budget_ms")


def in_whole_numbers(apps, schema_editor):
    for name, columns in HUNDREDTHS.items():
        model = apps.get_model("monitoring", name)
        if schema_editor.connection.vendor == "sqlite":
            _written_anew(schema_editor, model, columns)
        else:
            _altered(schema_editor, model, columns)


def _written_anew(schema_editor, model, columns):
    """Its indexes are made at the end of the migration, when the old table with its own has gone."""
    table, name = model._meta.db_table, schema_editor.quote_name
    kept = {field.column: name(field.column) for field in model._meta.concrete_fields}
    # SQLite would round 59.9999 seconds up to the next whole one: the fraction is looked at by itself.
    kept["at"] = "CAST(strftime('%s', substr(at, 1, 19)) AS INTEGER) * 1000 + CAST(substr(at, 21, 3) AS INTEGER)"
    kept |= {column: f"CAST(ROUND({name(column)} * 100) AS INTEGER)" for column in columns}
    schema_editor.execute(f"ALTER TABLE {name(table)} RENAME TO {name(table + '_old')}", params=None)
    schema_editor.create_model(model)
    schema_editor.execute(
        f"INSERT INTO {name(table)} ({', '.join(map(name, kept))}) SELECT {', '.join(kept.values())} "
        f"FROM {name(table + '_old')} ORDER BY id",
        params=None,
    )
    schema_editor.execute(f"DROP TABLE {name(table + '_old')}", params=None)


def _altered(schema_editor, model, columns):
    name = schema_editor.quote_name
    numbers = {"at": "floor(extract(epoch FROM at) * 1000)"} | {column: f"round({name(column)} * 100)" for column in columns}
    changes = (f"ALTER COLUMN {name(column)} TYPE bigint USING {value}::bigint" for column, value in numbers.items())
    schema_editor.execute(f"ALTER TABLE {name(model._meta.db_table)} {', '.join(changes)}", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('avatar_sessions', '0008_provider_switches'),
        ('monitoring', '0010_hitch_by_cpu_in_use'),
    ]

    operations = [
        *(
            migrations.AlterField(
                model_name=model,
                name='session',
                field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name=related_name, to='avatar_sessions.avatarsession'),
            )
            for model, related_name in RELATED_NAMES.items()
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(
                    migrations.AlterField(model_name=model, name='at', field=monitoring.models.fields.MomentField())
                    for model in HUNDREDTHS
                ),
                *(
                    migrations.AlterField(
                        model_name=model,
                        name=column,
                        field=monitoring.models.fields.HundredthsField(null=(model, column) != ALWAYS_KNOWN),
                    )
                    for model, columns in HUNDREDTHS.items()
                    for column in columns
                ),
            ],
        ),
        migrations.RunPython(in_whole_numbers),
    ]
