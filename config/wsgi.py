"""The application for WSGI servers. It refuses to start when the register was made under other keys."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config.start import refuse_to_start_badly  # noqa: E402

refuse_to_start_badly()
