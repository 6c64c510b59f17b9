"""What mail providers post, in the shapes that they document, signed with the secrets of an endpoint."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from consent.incoming.providers import BY_SLUG
from consent.models import WebhookEndpoint
from consent.services.feedback.webhooks import PASSWORD, address_of
from contacts.models import Project

BOUNCED, COMPLAINED, UNSUBSCRIBED, DELIVERED = "bounced", "complained", "unsubscribed", "delivered"
UNKNOWN_USER = "550 5.1.1 The email account that you tried to reach does not exist"
SECRET = "a-secret-of-the-provider"  # noqa: S105
AT = 1_763_640_000  # 20 November 2025
AT_ISO = "2025-11-20T12:00:00Z"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """The public half as pages of providers show it."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def endpoint_of(project: Project, provider: str, **secrets: str) -> WebhookEndpoint:
    """An endpoint with all that its provider signs with."""
    kept = {secret.name: SECRET for secret in BY_SLUG[provider].secrets if not secret.is_key}
    if provider == "postal":
        kept["webhook_key"] = "".join(public(rsa_key()).splitlines()[1:-1])
    if BY_SLUG[provider].needs_password:
        kept[PASSWORD] = "a-password"
    return WebhookEndpoint.objects.create(project=project, provider=provider, secrets={**kept, **secrets})


def path_of(endpoint: WebhookEndpoint, *, is_mail: bool = False) -> str:
    return reverse(f"consent:{'webhook_inbound' if is_mail else 'webhook'}", args=[endpoint.key])


def post(
    endpoint: WebhookEndpoint, said: Any, *, is_mail: bool = False, signs: bool = True, **headers: str
) -> HttpResponse:
    """Send what a provider says to its endpoint, as it does."""
    path = path_of(endpoint, is_mail=is_mail)
    body, kind, signed = packed(endpoint, said, path, is_mail=is_mail)
    if PASSWORD in endpoint.secrets:
        signed["Authorization"] = "Basic " + b64encode(f"sendable:{endpoint.secrets[PASSWORD]}".encode()).decode()
    client = Client(enforce_csrf_checks=True, raise_request_exception=True)
    answer: HttpResponse = client.post(
        path, body, content_type=kind, headers={**(signed if signs else {}), **headers}
    )  # fmt: skip
    return answer


def packed(
    endpoint: WebhookEndpoint, said: Any, path: str, *, is_mail: bool = False
) -> tuple[bytes, str, dict[str, str]]:
    """Body, content type and headers of a signed post."""
    secrets = endpoint.secrets
    if endpoint.provider == "mandrill":
        fields = {"mandrill_events": json.dumps(said)}
        told = address_of(endpoint, path) + "mandrill_events" + fields["mandrill_events"]
        key = secrets["inbound_webhook_key" if is_mail else "webhook_key"]
        return urlencode(fields).encode(), FORM, {"X-Mandrill-Signature": _hmac(key, told, hashlib.sha1)}
    if endpoint.provider == "mailgun":
        stamp = {"timestamp": str(AT), "token": hashlib.sha256(json.dumps(said).encode()).hexdigest()[:50]}
        stamp["signature"] = hmac.new(
            secrets["webhook_signing_key"].encode(), f"{AT}{stamp['token']}".encode(), hashlib.sha256
        ).hexdigest()
        if is_mail:
            return urlencode({**said, **stamp}).encode(), FORM, {}
        return json.dumps({"signature": stamp, "event-data": said}).encode(), JSON, {}
    if endpoint.provider == "sendgrid" and is_mail:
        return urlencode(said).encode(), FORM, {}
    if endpoint.provider == "unisender_go":
        mark = "MARK-OF-THE-SIGNATURE"
        body = json.dumps({"auth": mark, **said})
        auth = hashlib.md5(body.replace(mark, secrets["api_key"]).encode()).hexdigest()  # noqa: S324
        return body.replace(mark, auth).encode(), JSON, {}
    if endpoint.provider == "amazon_ses":
        kind = said.get("Type", "Notification") if isinstance(said, dict) else "Notification"
        message = said if "Type" in said else {"Type": kind, "Timestamp": AT_ISO, "Message": json.dumps(said)}
        message = {"MessageId": hashlib.sha256(json.dumps(said).encode()).hexdigest(), **message}
        headers = {"X-Amz-Sns-Message-Type": kind, "X-Amz-Sns-Message-Id": message["MessageId"]}
        return json.dumps(message).encode(), "text/plain", headers
    body = json.dumps(said).encode()
    return body, JSON, _signatures(endpoint, body, is_mail=is_mail)


def _signatures(endpoint: WebhookEndpoint, body: bytes, *, is_mail: bool) -> dict[str, str]:
    secrets = endpoint.secrets
    if endpoint.provider == "mailersend":
        return {"Signature": _hex(secrets["inbound_secret" if is_mail else "signing_secret"], body)}
    if endpoint.provider == "mailtrap":
        return {"Mailtrap-Signature": _hex(secrets["tracking_secret"], body)}
    if endpoint.provider == "postal":
        signature = rsa_key().sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        return {"X-Postal-Signature": b64encode(signature).decode()}
    if endpoint.provider == "sendgrid" and secrets.get("verification_key"):
        signature = ec_key().sign(str(AT).encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": str(AT),
        }
    if endpoint.provider == "resend":
        return {"Svix-Id": hashlib.sha256(body).hexdigest()}
    return {}


def _hmac(key: str, told: str, how: Callable[..., Any]) -> str:
    return b64encode(hmac.new(key.encode(), told.encode(), how).digest()).decode()


def _hex(key: str, body: bytes) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


# Each makes what a provider says of one kind about one address; None where it never says such a thing.


def amazon_ses(kind: str, address: str) -> Any:
    mail = {"messageId": f"ses-{address}", "destination": [address], "headers": []}
    if kind == BOUNCED:
        people = [{"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": UNKNOWN_USER}]
        bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": people}
        return {"notificationType": "Bounce", "bounce": bounce, "mail": mail}
    if kind == COMPLAINED:
        told = {"complainedRecipients": [{"emailAddress": address}], "complaintFeedbackType": "abuse"}
        return {"notificationType": "Complaint", "complaint": told, "mail": mail}
    if kind == DELIVERED:
        return {"notificationType": "Delivery", "delivery": {"recipients": [address]}, "mail": mail}
    return None


def brevo(kind: str, address: str) -> Any:
    names = {
        BOUNCED: "hard_bounce", COMPLAINED: "spam", UNSUBSCRIBED: "unsubscribe", DELIVERED: "delivered",
    }  # fmt: skip
    reason = {"reason": UNKNOWN_USER} if kind == BOUNCED else {}
    return {
        "event": names[kind], "email": address, "message-id": f"<{address}@brevo>", "ts_epoch": AT * 1000, **reason,
    }  # fmt: skip


def mailersend(kind: str, address: str) -> Any:
    names = {
        BOUNCED: "hard_bounced", COMPLAINED: "spam_complaint", UNSUBSCRIBED: "unsubscribed", DELIVERED: "delivered",
    }  # fmt: skip
    morph = {"object": "recipient_bounce", "reason": UNKNOWN_USER} if kind == BOUNCED else {"object": "other"}
    email = {"message": {"id": f"ms-{address}"}, "recipient": {"email": address}}
    data = {"type": names[kind], "id": f"{kind}-{address}", "created_at": AT_ISO, "email": email, "morph": morph}
    return {"type": f"activity.{names[kind]}", "data": data}


def mailgun(kind: str, address: str) -> Any:
    names = {BOUNCED: "failed", COMPLAINED: "complained", UNSUBSCRIBED: "unsubscribed", DELIVERED: "delivered"}
    said: dict[str, Any] = {
        "event": names[kind], "timestamp": AT + 0.25, "recipient": address,
        "message": {"headers": {"message-id": f"{address}@mailgun"}},
    }  # fmt: skip
    if kind == BOUNCED:
        status = {"code": 550, "enhanced-code": "5.1.1", "message": UNKNOWN_USER}
        said |= {"severity": "permanent", "reason": "bounce", "delivery-status": status}
    return said


def mailjet(kind: str, address: str) -> Any:
    names = {BOUNCED: "bounce", COMPLAINED: "spam", UNSUBSCRIBED: "unsub", DELIVERED: "sent"}
    error = {"error_related_to": "recipient", "error": "user unknown", "hard_bounce": True} if kind == BOUNCED else {}
    return [{"event": names[kind], "time": AT, "MessageID": 19421777835146490, "email": address, **error}]


def mailtrap(kind: str, address: str) -> Any:
    names = {BOUNCED: "bounce", COMPLAINED: "spam", UNSUBSCRIBED: "unsubscribe", DELIVERED: "delivery"}
    error = {"bounce_category": "badmailbox", "response": UNKNOWN_USER} if kind == BOUNCED else {}
    event = {
        "event": names[kind], "message_id": f"mt-{address}", "email": address, "timestamp": AT,
        "event_id": f"{kind}-{address}", "sending_stream": "bulk", **error,
    }  # fmt: skip
    return {"events": [event]}


def mandrill(kind: str, address: str) -> Any:
    names = {BOUNCED: "hard_bounce", COMPLAINED: "spam", UNSUBSCRIBED: "unsub", DELIVERED: None}
    if names[kind] is None:
        return None
    error = {"bounce_description": "bad_mailbox", "diag": f"smtp;{UNKNOWN_USER}"} if kind == BOUNCED else {}
    msg = {"email": address, "metadata": {}, "tags": [], **error}
    return [{"event": names[kind], "ts": AT, "_id": f"{address}{kind}", "msg": msg}]


def postal(kind: str, address: str) -> Any:
    message = {"id": 12345, "direction": "outgoing", "to": address, "tag": None}
    if kind == BOUNCED:
        payload = {"status": "HardFail", "details": "Permanent failure", "output": UNKNOWN_USER, "message": message}
    elif kind == DELIVERED:
        payload = {"status": "Sent", "details": "Accepted", "output": "250 OK", "message": message}
    else:
        return None
    return {"event": "Message", "timestamp": AT, "uuid": f"{kind}-{address}", "payload": payload}


def number_of(address: str) -> int:
    return len(address) * 1000 + ord(address[0])


def postmark(kind: str, address: str) -> Any:
    if kind == BOUNCED:
        return {
            "RecordType": "Bounce", "ID": number_of(address), "Type": "HardBounce", "TypeCode": 1,
            "MessageID": f"pm-{address}", "Email": address, "BouncedAt": AT_ISO, "Details": f"smtp;{UNKNOWN_USER}",
        }  # fmt: skip
    if kind == COMPLAINED:
        return {
            "RecordType": "SpamComplaint", "ID": number_of(address), "Type": "SpamComplaint", "TypeCode": 512,
            "MessageID": f"pm-{address}", "Email": address, "BouncedAt": AT_ISO,
        }  # fmt: skip
    if kind == UNSUBSCRIBED:
        return {
            "RecordType": "SubscriptionChange", "MessageID": f"pm-{address}", "Recipient": address,
            "ChangedAt": AT_ISO, "SuppressSending": True, "SuppressionReason": "ManualSuppression",
        }  # fmt: skip
    return {"RecordType": "Delivery", "MessageID": f"pm-{address}", "Recipient": address, "DeliveredAt": AT_ISO}


def resend(kind: str, address: str) -> Any:
    names = {BOUNCED: "email.bounced", COMPLAINED: "email.complained", DELIVERED: "email.delivered"}
    if kind not in names:
        return None
    error = {"message": "The recipient's email provider sent a hard bounce message.", "subType": "NoEmail"}
    data = {"email_id": f"re-{address}", "to": [address], **({"bounce": error} if kind == BOUNCED else {})}
    return {"type": names[kind], "created_at": AT_ISO, "data": data}


def sendgrid(kind: str, address: str) -> Any:
    names = {BOUNCED: "bounce", COMPLAINED: "spamreport", UNSUBSCRIBED: "group_unsubscribe", DELIVERED: "delivered"}
    error = {"reason": UNKNOWN_USER, "status": "5.1.1", "type": "bounce"} if kind == BOUNCED else {}
    event = {
        "event": names[kind], "email": address, "timestamp": AT, "sg_event_id": f"{kind}-{address}",
        "smtp-id": f"<{address}@sendgrid>", **error,
    }  # fmt: skip
    return [event]


def sparkpost(kind: str, address: str) -> Any:
    names = {BOUNCED: "bounce", COMPLAINED: "spam_complaint", UNSUBSCRIBED: "list_unsubscribe", DELIVERED: "delivery"}
    group = "unsubscribe_event" if kind == UNSUBSCRIBED else "message_event"
    error = {"bounce_class": "10", "raw_reason": UNKNOWN_USER, "error_code": "550"} if kind == BOUNCED else {}
    event = {
        "type": names[kind], "event_id": f"{kind}-{address}", "timestamp": str(AT), "raw_rcpt_to": address,
        "rcpt_to": address, "transmission_id": f"sp-{address}", "rcpt_meta": {}, **error,
    }  # fmt: skip
    return [{"msys": {group: event}}, {"msys": {}}]


def unisender_go(kind: str, address: str) -> Any:
    names = {BOUNCED: "hard_bounced", COMPLAINED: "spam", UNSUBSCRIBED: "unsubscribed", DELIVERED: "delivered"}
    error = {"delivery_status": "err_user_unknown", "destination_response": UNKNOWN_USER} if kind == BOUNCED else {}
    data = {
        "job_id": f"ug-{address}", "metadata": {}, "email": address, "status": names[kind],
        "event_time": "2025-11-20 12:00:00", "delivery_info": error,
    }  # fmt: skip
    events = [{"event_name": "transactional_email_status", "event_data": data}]
    return {"events_by_user": [{"user_id": 456, "events": events}]}


SAYING: dict[str, Callable[[str, str], Any]] = {
    "amazon_ses": amazon_ses,
    "brevo": brevo,
    "mailersend": mailersend,
    "mailgun": mailgun,
    "mailjet": mailjet,
    "mailtrap": mailtrap,
    "mandrill": mandrill,
    "postal": postal,
    "postmark": postmark,
    "resend": resend,
    "sendgrid": sendgrid,
    "sparkpost": sparkpost,
    "unisender_go": unisender_go,
}


def deferred(provider: str, address: str) -> Any:
    """That the receiver wants the message to come again later; None where the provider never tells."""
    told = SAYING[provider](
        BOUNCED if provider in ("mailgun", "mailjet", "mandrill", "postmark") else DELIVERED, address
    )
    if provider in ("brevo", "resend"):
        return {**told, "event": "deferred"} if provider == "brevo" else {**told, "type": "email.delivery_delayed"}
    if provider == "mailgun":
        return {**told, "severity": "temporary", "delivery-status": {"code": 452, "enhanced-code": "4.2.2"}}
    if provider == "mailjet":
        return [{**told[0], "error": "greylisted", "hard_bounce": False}]
    if provider == "mandrill":
        return [{**told[0], "event": "deferral", "_id": f"{address}deferred"}]
    if provider == "postal":
        payload = {**told["payload"], "status": "SoftFail", "output": "450 4.2.2 mailbox full"}
        return {**told, "uuid": f"deferred-{address}", "payload": payload}
    if provider == "postmark":
        return {**told, "ID": told["ID"] + 7, "Type": "Transient", "TypeCode": 2}
    names = {"mailtrap": ("event", "soft bounce"), "sendgrid": ("event", "deferred"), "sparkpost": ("type", "delay"),
             "unisender_go": ("status", "soft_bounced")}  # fmt: skip
    if provider not in names:
        return None
    field, name = names[provider]
    text = json.dumps(told).replace(f'"{DELIVERED}-{address}"', f'"deferred-{address}"')
    return json.loads(re.sub(rf'"{field}": "\w+"', f'"{field}": "{name}"', text))


def earlier(said: Any, hours: int) -> Any:
    """What a provider says of something that happened some hours before, by another number of its own."""
    then = datetime.fromtimestamp(AT, UTC) - timedelta(hours=hours)
    text = json.dumps(said).replace(str(AT), str(int(then.timestamp())))
    text = text.replace(AT_ISO, f"{then:%Y-%m-%dT%H:%M:%SZ}").replace(
        "2025-11-20 12:00:00", f"{then:%Y-%m-%d %H:%M:%S}"
    )
    text = re.sub(r'"(event_id|sg_event_id|uuid|id|_id)": "([^"]+)"', rf'"\1": "\2-{hours}"', text)
    return json.loads(re.sub(r'"ID": (\d+)', lambda found: f'"ID": {int(found.group(1)) + 100_000 * hours}', text))


def amazon_ses_mail(raw: str) -> Any:
    receipt = {"recipients": ["stop@reply.example.org"], "action": {"type": "SNS", "encoding": "BASE64"}}
    content = b64encode(raw.encode()).decode()
    return {"notificationType": "Received", "mail": {}, "receipt": receipt, "content": content}


def mailersend_mail(raw: str) -> Any:
    people = {"rcptTo": [{"email": "stop@reply.example.org"}]}
    return {"type": "inbound.message", "data": {"id": "1", "raw": raw, "recipients": people}}


def mailgun_mail(raw: str) -> Any:
    return {"recipient": "stop@reply.example.org", "sender": "ann@example.org", "body-mime": raw}


def mailgun_mail_in_pieces(raw: str) -> Any:
    headers, _blank, body = raw.partition("\n\n")
    pairs = [line.split(": ", 1) for line in headers.splitlines()]
    return {"recipient": "stop@reply.example.org", "message-headers": json.dumps(pairs), "body-plain": body}


def mailjet_mail(raw: str) -> Any:
    headers, _blank, body = raw.partition("\n\n")
    pairs = dict(line.split(": ", 1) for line in headers.splitlines())
    return {"Sender": "ann@example.org", "Recipient": "stop@reply.example.org", "Headers": pairs, "Text-part": body}


def mandrill_mail(raw: str) -> Any:
    return [{"event": "inbound", "ts": AT, "msg": {"raw_msg": raw, "email": "stop@reply.example.org"}}]


def postal_mail(raw: str) -> Any:
    return {"id": 1, "rcpt_to": "stop@reply.example.org", "message": b64encode(raw.encode()).decode(), "base64": True}


def postmark_mail(raw: str) -> Any:
    return {"FromFull": {}, "RawEmail": raw, "OriginalRecipient": "stop@reply.example.org", "MessageID": "1"}


def postmark_mail_in_pieces(raw: str) -> Any:
    headers, _blank, body = raw.partition("\n\n")
    pairs = dict(line.split(": ", 1) for line in headers.splitlines())
    return {
        "FromFull": {"Email": pairs["From"]}, "ToFull": [{"Email": pairs["To"]}], "Subject": pairs["Subject"],
        "TextBody": body, "OriginalRecipient": "stop@reply.example.org", "Headers": [], "Date": pairs["Date"],
    }  # fmt: skip


def sendgrid_mail(raw: str) -> Any:
    return {"email": raw, "envelope": json.dumps({"to": ["stop@reply.example.org"], "from": "ann@example.org"})}


def sparkpost_mail(raw: str) -> Any:
    content = {"email_rfc822": raw, "email_rfc822_is_base64": False}
    return [{"msys": {"relay_message": {"content": content, "protocol": "smtp", "rcpt_to": "stop@reply.example.org"}}}]


HANDING_OVER: list[tuple[str, Callable[[str], Any]]] = [
    ("amazon_ses", amazon_ses_mail),
    ("mailersend", mailersend_mail),
    ("mailgun", mailgun_mail),
    ("mailgun", mailgun_mail_in_pieces),
    ("mailjet", mailjet_mail),
    ("mandrill", mandrill_mail),
    ("postal", postal_mail),
    ("postmark", postmark_mail),
    ("postmark", postmark_mail_in_pieces),
    ("sendgrid", sendgrid_mail),
    ("sparkpost", sparkpost_mail),
]
