from django.db import migrations, models

import inro.accounts.models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='apitoken',
            name='rate_limit',
            field=models.CharField(blank=True, default='', help_text='Like 600/min (sec, min, hour, day); 0 for none. Empty: the usual limit.', max_length=20, validators=[inro.accounts.models.validate_rate]),
            preserve_default=False,
        ),
    ]
