"""What a server checks before it answers its first request."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from contacts.services.fingerprints import check_keys


def refuse_to_start_badly() -> None:
    """Raise ImproperlyConfigured, in words, when the register cannot be read or was made under other keys."""
    try:
        tables = connections["default"].introspection.table_names()
    except DatabaseError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: the database does not answer ({type(error).__name__}).") from error
    if "contacts_fingerprintkey" not in tables:
        raise ImproperlyConfigured("The database has no tables yet. Run “manage.py migrate”.")
    check_keys()
    # A server that forks after this must not share the connection.
    connections.close_all()
