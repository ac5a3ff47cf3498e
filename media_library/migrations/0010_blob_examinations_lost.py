from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('media_library', '0009_blobs_examined'),
    ]

    operations = [
        migrations.AddField(
            model_name='blob',
            name='examinations_lost',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
