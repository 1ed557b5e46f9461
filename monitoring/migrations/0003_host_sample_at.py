from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monitoring', '0002_event_source_set_aside'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='hostsample',
            index=models.Index(fields=['at'], name='monitoring__at_28d15f_idx'),
        ),
    ]
