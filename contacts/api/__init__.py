"""The web service ``/api/v1/``: a thin door, like the pages. ``config.api`` puts its routers together."""
