from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('avatar_sessions', '0002_knowledge'),
    ]

    operations = [
        migrations.AlterField(
            model_name='profileversion',
            name='provider',
            field=models.CharField(choices=[('builtin', 'Built-in'), ('test-card', 'Test card')], default='builtin', max_length=40, verbose_name='provider'),
        ),
    ]
