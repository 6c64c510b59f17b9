"""A list as a download, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from contacts.csv_writing import csv_response
from contacts.xlsx_writing import check_size, xlsx_response

CSV, XLSX = "csv", "xlsx"


def asked_format(request: HttpRequest, *, rows: int = 0, columns: int = 1) -> str:
    """The ``format`` of a request; CSV where none is asked for.

    Raises TooLargeForSheet where so many rows and columns do not fit: ask before the export is written down.
    """
    if XLSX not in (request.POST.get("format"), request.GET.get("format")):
        return CSV
    check_size(rows, columns)
    return XLSX


def download(file_format: str, name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponseBase:
    """The list as a file of this name, to which the format's ending is added."""
    if file_format == XLSX:
        return xlsx_response(f"{name}.xlsx", header, rows)
    return csv_response(f"{name}.csv", header, rows)
