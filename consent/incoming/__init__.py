"""Reading what comes back from receivers: bytes and headers in, plain values out. Knows no database."""
