"""The web service's operations about the right to send: a thin door, like the pages."""
