"""What was taken back after an erasure opens nothing: the block that the erasure left stands on its own."""

from __future__ import annotations

import pytest

from contacts.models import Block, Contact, Project, StatusHistory
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address
from contacts.services.status import deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from tests.factories import ContactFactory
from tests.origins import ADMIN, EDITOR, asked, by

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("requested", [True, False])
@pytest.mark.parametrize("after_a_move", [True, False])
def test_an_opt_out_cannot_be_taken_back_from_under_an_erasure(
    project: Project, requested: bool, after_a_move: bool
) -> None:
    contact = ContactFactory(project=project, key="K-1", email="ann@example.org")
    opt_out(contact.as_set(), "email", origin=asked(EDITOR))
    deactivate(contact.as_set(), origin=asked(EDITOR))
    if after_a_move:
        change_address(contact, "email", "ann@example.net", origin=by(EDITOR))
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=requested)
    undo(StatusHistory.objects.all(), origin=by(ADMIN, "slip"))
    undo(StatusHistory.objects.all(), origin=by(EDITOR, "slip"))
    assert Block.objects.filter(kind="opt_out", is_on=False).count() == 0
    for email in ("ann@example.org", *(["ann@example.net"] if after_a_move else [])):
        again = ContactFactory(project=project, key=f"again-{email}", email=email)
        assert again.channel_statuses.get().opted_out
    assert not Contact.objects.filter(key="K-1").exists()
    assert list(differences()) == []
