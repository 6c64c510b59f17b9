"""The consent centre's pages: for users under the project, for contacts under ``/u/``, ``/c/`` and ``/f/``."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from consent.views import (
    audience,
    centre,
    choices,
    confirm,
    delivery,
    endpoints,
    forms,
    opt_out,
    personal,
    profile,
    public_forms,
    replies,
    reports,
    requests,
    theme,
    types,
    webhooks,
)

app_name = "consent"

# /p/<project>/contacts/<id>/
of_a_contact: list[URLPattern | URLResolver] = [
    path("consents/<int:type_id>/<slug:channel>/grant/", profile.grant, name="grant"),
    path("consents/<int:type_id>/<slug:channel>/withdraw/", profile.withdraw, name="withdraw"),
    path("consents/entries/<int:opt_in_id>/", profile.consent_entry, name="entry"),
    path("consents/entries/<int:opt_in_id>/undo/", profile.consent_undo, name="undo"),
    path("consents/receipt/", profile.receipt, name="receipt"),
    path("consents/receipt.json", profile.receipt_json, name="receipt_json"),
]

# /p/<project>/consent/
of_a_project: list[URLPattern | URLResolver] = [
    path("", centre.centre, name="centre"),
    path("settings/", centre.centre_settings, name="centre_settings"),
    path("opt-ins/", centre.opt_ins, name="opt_ins"),
    path("opt-ins/expiring/", centre.expiring, name="expiring"),
    path("types/add/", types.type_add, name="type_add"),
    path("types/<int:type_id>/", types.type_edit, name="type_edit"),
    path("types/<int:type_id>/archive/", types.type_archive, name="type_archive"),
    path("audience/", audience.audience, name="audience"),
    path("audience/contacts/", audience.audience_contacts, name="audience_contacts"),
    path("audience/export/", audience.audience_export, name="audience_export"),
    path("forms/", forms.forms, name="forms"),
    path("forms/add/", forms.form_add, name="form_add"),
    path("forms/<int:form_id>/", forms.form_edit, name="form_edit"),
    path("forms/<int:form_id>/versions/<int:number>/", forms.form_version, name="form_version"),
    path("requests/", requests.requests, name="requests"),
    path("requests/<int:request_number>/refuse/", requests.request_refuse, name="request_refuse"),
]

# /p/<project>/: what comes back from receivers
of_feedback: list[URLPattern | URLResolver] = [
    path("delivery/", delivery.delivery, name="delivery"),
    path("delivery/export/", delivery.delivery_export, name="delivery_export"),
    path("delivery/lift/", delivery.delivery_lift, name="delivery_lift"),
    path("delivery/review/", delivery.delivery_review, name="delivery_review"),
    path("delivery/<int:event_number>/", delivery.delivery_event, name="delivery_event"),
    path("reports/", reports.spam_reports, name="spam_reports"),
    path("reports/<int:report_number>/", reports.spam_report, name="spam_report"),
    path("reports/<int:report_number>/accept/", reports.spam_report_accept, name="spam_report_accept"),
    path("reports/<int:report_number>/dismiss/", reports.spam_report_dismiss, name="spam_report_dismiss"),
    path("replies/", replies.replies, name="replies"),
    path("replies/<int:reply_number>/", replies.reply, name="reply"),
    path("replies/<int:reply_number>/accept/", replies.reply_accept, name="reply_accept"),
    path("replies/<int:reply_number>/dismiss/", replies.reply_dismiss, name="reply_dismiss"),
]

# /p/<project>/settings/
of_settings: list[URLPattern | URLResolver] = [
    path("webhooks/", endpoints.endpoints, name="endpoints"),
    path("webhooks/add/", endpoints.endpoint_add, name="endpoint_add"),
    path("webhooks/<int:endpoint_id>/", endpoints.endpoint, name="endpoint"),
    path("webhooks/<int:endpoint_id>/rotate/", endpoints.endpoint_rotate, name="endpoint_rotate"),
    path("webhooks/<int:endpoint_id>/remove/", endpoints.endpoint_remove, name="endpoint_remove"),
]

# For programs of mail providers. The key is a secret.
for_providers: list[URLPattern | URLResolver] = [
    path("webhooks/<uuid:endpoint_key>/", webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:endpoint_key>/inbound/", webhooks.webhook_inbound, name="webhook_inbound"),
]

# For contacts. With and without a slash at the end: an opt-out link is never answered with a redirect.
public: list[URLPattern | URLResolver] = [
    re_path(r"^u/(?P<token>[^/]+)/?$", opt_out.opt_out, name="opt_out"),
    re_path(r"^u/(?P<token>[^/]+)/again/?$", opt_out.resubscribe, name="resubscribe"),
    re_path(r"^c/(?P<token>[^/]+)/?$", choices.choices, name="choices"),
    re_path(r"^c/(?P<token>[^/]+)/personal/?$", choices.ask_personal, name="ask_personal"),
    re_path(r"^c/confirm/(?P<token>[^/]+)/?$", confirm.confirm, name="confirm"),
    re_path(r"^c/data/(?P<token>[^/]+)/?$", personal.personal, name="personal"),
    re_path(r"^c/address/(?P<token>[^/]+)/?$", personal.new_address, name="new_address"),
    path("c/theme/<slug:project_slug>.css", theme.theme, name="theme"),
    path("c/logo/<slug:project_slug>", theme.logo, name="logo"),
    re_path(r"^f/(?P<slug>[-\w]+)/?$", public_forms.public_form, name="public_form"),
]

urlpatterns = [
    path("p/<slug:project_slug>/contacts/<int:contact_id>/", include(of_a_contact)),
    path("p/<slug:project_slug>/consent/", include(of_a_project)),
    path("p/<slug:project_slug>/", include(of_feedback)),
    path("p/<slug:project_slug>/settings/", include(of_settings)),
    *for_providers,
    *public,
]
