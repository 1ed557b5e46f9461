"""Addresses of the operators' pages about sessions, and of the visitor's page."""

from django.urls import path

from sessions.views import assets, join, knowledge, modes, overview, profiles, scene, session, start

app_name = "sessions"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("overview/last-day", overview.overview_low, name="overview-low"),
    path("sessions/", overview.history, name="history"),
    path("sessions/start", start.start, name="start"),
    path("sessions/<uuid:code>/", session.session, name="session"),
    path("sessions/<uuid:code>/row/", overview.overview_row, name="overview-row"),
    path("sessions/<uuid:code>/fragments/<slug:name>/", session.fragment, name="fragment"),
    path("sessions/<uuid:code>/stop", session.stop, name="stop"),
    path("sessions/<uuid:code>/watch", session.watch, name="watch"),
    path("sessions/<uuid:code>/links", session.new_link, name="new-link"),
    path("sessions/<uuid:code>/links/<uuid:link>/revoke", session.revoke, name="revoke-link"),
    path("profiles/", profiles.profiles, name="profiles"),
    path("profiles/new", profiles.new_profile, name="new-profile"),
    path("profiles/<uuid:code>/", profiles.profile, name="profile"),
    path("profiles/<uuid:code>/duplicate", profiles.duplicate, name="duplicate-profile"),
    path("profiles/<uuid:code>/archive", profiles.archive, name="archive-profile"),
    path("profiles/<uuid:code>/knowledge/", knowledge.knowledge, name="knowledge"),
    path("profiles/<uuid:code>/knowledge/new", knowledge.new_pair, name="new-pair"),
    path("profiles/<uuid:code>/knowledge/import", knowledge.import_pairs, name="import-pairs"),
    path("profiles/<uuid:code>/knowledge/try", knowledge.try_it, name="try-question"),
    path("profiles/<uuid:code>/knowledge/documents", knowledge.add_document, name="add-document"),
    path("profiles/<uuid:code>/knowledge/documents/remove", knowledge.remove_document, name="remove-document"),
    path("profiles/<uuid:code>/knowledge/<slug:pair_id>", knowledge.pair, name="pair"),
    path("profiles/<uuid:code>/knowledge/<slug:pair_id>/remove", knowledge.remove_pair, name="remove-pair"),
    path("profiles/<uuid:code>/scene/", scene.scene, name="scene"),
    path("profiles/<uuid:code>/scene/still", scene.order, name="scene-order"),
    path("profiles/<uuid:code>/scene/still/<slug:key>", scene.still, name="scene-still"),
    path("profiles/<uuid:code>/scene/still/<slug:key>.jpg", scene.still_picture, name="scene-still-picture"),
    path("profiles/<uuid:code>/scene/files", scene.announce, name="scene-announce"),
    path("profiles/<uuid:code>/scene/files/<uuid:upload>/", scene.upload, name="scene-upload"),
    path("profiles/<uuid:code>/scene/files/<uuid:upload>/pieces", scene.piece, name="scene-piece"),
    path("profiles/<uuid:code>/scene/files/<uuid:upload>/remove", scene.remove, name="scene-remove"),
    path("profiles/<uuid:code>/scene/pictures/<str:sha256>", scene.picture, name="scene-picture"),
    path("modes/", modes.modes, name="modes"),
    path("modes/<slug:slug>/", modes.mode, name="mode"),
    path("modes/<slug:slug>/copy", modes.copy, name="copy-mode"),
    path("modes/<slug:slug>/archive", modes.archive, name="archive-mode"),
    path("assets/<str:sha256>", assets.asset, name="asset"),
    path("j/<str:token>", join.join, name="join"),
]
