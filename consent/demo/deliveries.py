"""What the servers of the demo's contacts answered."""

from __future__ import annotations

NO_SUCH_ADDRESS = (
    ("5.1.1", "550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"),
    ("5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Check it for typos."),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    ("5.1.1", "554 delivery error: This user doesn't have an account here"),
)
DELIVERY_ERRORS = (
    ("4.2.2", "452 4.2.2 The recipient's inbox is out of storage space"),
    ("5.2.2", "552 5.2.2 Mailbox full"),
    ("4.4.1", "Connection timed out: the server did not answer for four days"),
)
OUTAGE = ("5.1.1", "550 5.1.1 <{address}>: User unknown; rejecting")
"""Said of everybody, within half an hour."""
