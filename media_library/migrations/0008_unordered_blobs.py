
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('media_library', '0007_folders_tombstones'),
    ]

    operations = [
        migrations.AddField(
            model_name='blob',
            name='unordered',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name='blob',
            name='storage_name',
            field=models.CharField(editable=False, max_length=200),
        ),
        migrations.AddIndex(
            model_name='blob',
            index=models.Index(condition=models.Q(('unordered', True)), fields=['id'], name='blob_unordered'),
        ),
        migrations.AddConstraint(
            model_name='blob',
            constraint=models.UniqueConstraint(fields=('storage_name',), name='blob_storage_name'),
        ),
    ]
