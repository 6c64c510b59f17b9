"""What a project sends. Import models from here."""

from consent.models.communication_type import CommunicationType

__all__ = ["CommunicationType"]
