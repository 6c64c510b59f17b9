"""Texts of the demo that came back and are no plain STOP."""

WORDS = (
    "Please stop, I live in Vancouver now",
    "ne m’envoyez plus de textos svp",
    "Is the bus stop in front of the museum open again?",
    "What time do you open on Sunday?",
    "HELP",
)
