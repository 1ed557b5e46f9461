import django.db.models.deletion
import django.utils.timezone
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('avatar_sessions', '0003_test_card'),
    ]

    operations = [
        migrations.CreateModel(
            name='SceneUpload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('film', 'film'), ('slide', 'slide'), ('logo', 'logo')], max_length=8)),
                ('name', models.CharField(max_length=80)),
                ('size_bytes', models.PositiveBigIntegerField()),
                ('received_bytes', models.PositiveBigIntegerField(default=0)),
                ('state', models.CharField(choices=[('arriving', 'Arriving'), ('waiting', 'Waiting to be checked'), ('checking', 'Being checked'), ('ready', 'Ready'), ('refused', 'Not taken')], default='arriving', max_length=12)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('share', models.FloatField(default=0.0)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('width', models.PositiveIntegerField(null=True)),
                ('height', models.PositiveIntegerField(null=True)),
                ('duration_s', models.FloatField(null=True)),
                ('was_changed', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.CharField(max_length=200)),
                ('profile', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scene_uploads', to='avatar_sessions.avatarprofile')),
            ],
            options={
                'ordering': ('created_at', 'pk'),
            },
        ),
    ]
