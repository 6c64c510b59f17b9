"""When the last entry about an address was recorded: readings of the past then know whose address they need not
look up. Rows that are there take the moment of their last entry, which is never earlier."""

from django.db import migrations, models
from django.db.models import F


def take_last_entry(apps, schema_editor):
    channels = apps.get_model("contacts", "ChannelStatus").objects.using(schema_editor.connection.alias)
    channels.update(address_at=F("last_entry_at"))


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_block_lookup")]

    operations = [
        migrations.AddField("channelstatus", "address_at", models.DateTimeField(null=True)),
        migrations.RunPython(take_last_entry, migrations.RunPython.noop),
    ]
