"""What comes back from receivers, and what it changes (DESIGN, rules 7 to 9)."""
