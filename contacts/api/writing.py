"""How answers are written: JSON whose moments are whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ninja.renderers import JSONRenderer
from ninja.responses import NinjaJSONEncoder


class ExactEncoder(NinjaJSONEncoder):
    """Moments to the microsecond, in UTC: what is asked about the moment of an entry has to find the entry."""

    def default(self, value: Any) -> Any:
        if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return super().default(value)


class ExactRenderer(JSONRenderer):
    encoder_class = ExactEncoder
