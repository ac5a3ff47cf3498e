from django.db import migrations, models
from django.db.models import Q

from inro.common.folding import fold


def fold_titles(apps, schema_editor):
    for scenario in apps.get_model("automations", "Scenario").objects.only("title").iterator():
        scenario.title_folded = fold(scenario.title)[:200]
        scenario.save(update_fields=["title_folded"])


class Migration(migrations.Migration):
    dependencies = [("automations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="scenario",
            name="title_folded",
            field=models.CharField(blank=True, default="", editable=False, max_length=200),
            preserve_default=False,
        ),
        migrations.RunPython(fold_titles, migrations.RunPython.noop),
        migrations.RemoveField(model_name="execution", name="messages_made"),
        migrations.RemoveIndex(model_name="execution", name="execution_due"),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["due_at"], name="execution_due", condition=Q(due_at__isnull=False)
            ),
        ),
    ]
