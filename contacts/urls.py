"""The register's pages, grouped under their prefixes."""

from django.urls import URLPattern, URLResolver, include, path

from contacts.views import (
    blocks,
    bulk,
    channels,
    contacts,
    details,
    duplicates,
    erasure,
    history,
    import_columns,
    import_files,
    import_undo,
    imports,
    members,
    organization,
    overview,
    profile,
    projects,
    relational,
    relational_tables,
    status,
    tokens,
)
from contacts.views import settings as project_settings

app_name = "contacts"

# /p/<project>/contacts/<id>/
of_a_contact: list[URLPattern | URLResolver] = [
    path("", profile.contact, name="contact"),
    path("edit/", details.contact_edit, name="contact_edit"),
    path("deactivate/", status.deactivate, name="deactivate"),
    path("activate/", status.activate, name="activate"),
    path("delete/", erasure.delete, name="delete"),
    path("channels/<slug:channel>/opt-out/", channels.opt_out, name="opt_out"),
    path("channels/<slug:channel>/lift-opt-out/", channels.lift_opt_out, name="lift_opt_out"),
    path("channels/<slug:channel>/validity/", channels.validity, name="validity"),
    path("tables/<slug:table_slug>/add/", relational.row_add, name="row_add"),
    path("tables/<slug:table_slug>/export/", relational.rows_export, name="rows_export"),
    path("rows/<int:row_id>/", relational.row_edit, name="row_edit"),
    path("rows/<int:row_id>/remove/", relational.row_remove, name="row_remove"),
]

# /p/<project>/imports/<id>/
of_an_import: list[URLPattern | URLResolver] = [
    path("", imports.import_page, name="import"),
    path("columns/", import_columns.import_columns, name="import_columns"),
    path("start/", imports.import_start, name="import_start"),
    path("stop/", imports.import_stop, name="import_stop"),
    path("resume/", imports.import_resume, name="import_resume"),
    path("discard/", imports.import_discard, name="import_discard"),
    path("undo/", import_undo.import_undo, name="import_undo"),
    path("rows/", imports.import_row_list, name="import_rows"),
    path("rejected/", import_files.import_rejected, name="import_rejected"),
    path("absent/", imports.import_absent, name="import_absent"),
    path("absent/export/", import_files.import_absent_export, name="import_absent_export"),
]

# /p/<project>/
of_a_project: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("contacts/", contacts.contact_list, name="contact_list"),
    path("contacts/export/", contacts.contact_export, name="contact_export"),
    path("contacts/add/", details.contact_add, name="contact_add"),
    path("contacts/bulk/", bulk.pasted, name="bulk_pasted"),
    path("contacts/bulk/deactivate/", bulk.bulk_deactivate, name="bulk_deactivate"),
    path("contacts/bulk/activate/", bulk.bulk_activate, name="bulk_activate"),
    path("contacts/bulk/delete/", bulk.bulk_delete, name="bulk_delete"),
    path("contacts/<int:contact_id>/", include(of_a_contact)),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("duplicates/merge/", duplicates.merge, name="merge"),
    path("history/", history.history, name="history"),
    path("history/export/", history.history_export, name="history_export"),
    path("history/<int:entry_id>/", history.entry, name="entry"),
    path("history/<int:entry_id>/undo/", status.undo, name="undo"),
    path("imports/", imports.imports, name="imports"),
    path("imports/add/", imports.import_add, name="import_add"),
    path("imports/<int:import_id>/", include(of_an_import)),
    path("blocks/", blocks.blocks, name="blocks"),
    path("blocks/add/", blocks.block_add, name="block_add"),
    path("blocks/lift/", blocks.block_lift, name="block_lift"),
    path("erasures/", erasure.erasures, name="erasures"),
    path("erasures/<int:receipt_id>/", erasure.receipt, name="erasure"),
    path("members/", members.members, name="members"),
    path("members/add/", members.member_add, name="member_add"),
    path("members/<int:membership_id>/", members.member_edit, name="member_edit"),
    path("members/<int:membership_id>/remove/", members.member_remove, name="member_remove"),
    path("settings/", project_settings.settings, name="settings"),
    path("settings/tokens/", tokens.api_tokens, name="api_tokens"),
    path("settings/tokens/add/", tokens.api_token_add, name="api_token_add"),
    path("settings/tokens/<int:token_id>/revoke/", tokens.api_token_revoke, name="api_token_revoke"),
    path("settings/tables/add/", relational_tables.table_add, name="table_add"),
    path("settings/tables/<int:table_id>/", relational_tables.table_edit, name="table_edit"),
    path("settings/tables/<int:table_id>/remove/", relational_tables.table_remove, name="table_remove"),
]

# /o/<organization>/
of_an_organization: list[URLPattern | URLResolver] = [
    path("", organization.organization, name="organization"),
    path("settings/", organization.organization_settings, name="organization_settings"),
    path("projects/add/", organization.project_add, name="project_add"),
    path("admins/add/", organization.admin_add, name="organization_admin_add"),
    path("admins/<int:admin_id>/remove/", organization.admin_remove, name="organization_admin_remove"),
    path("blocks/", blocks.organization_blocks, name="organization_blocks"),
    path("blocks/add/", blocks.organization_block_add, name="organization_block_add"),
    path("blocks/lift/", blocks.organization_block_lift, name="organization_block_lift"),
]

urlpatterns = [
    path("", projects.choose_project, name="choose_project"),
    path("p/<slug:project_slug>/", include(of_a_project)),
    path("o/<slug:organization_slug>/", include(of_an_organization)),
]
