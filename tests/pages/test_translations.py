"""The visitors' pages speak the language of their session."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from sessions.actions.links import create_link, revoke_link
from sessions.models import AvatarSession


def sentences_of(template: str) -> set[str]:
    """What a template hands to gettext."""
    return set(re.findall(r"gettext\(u?['\"](.+?)['\"]\)", templatize(template, origin="test")))


def test_every_sentence_of_the_visitors_pages_has_an_arabic_one() -> None:
    sentences: set[str] = set()
    for template in (settings.BASE_DIR / "templates" / "join").glob("*.html"):
        sentences |= sentences_of(template.read_text(encoding="utf-8"))
    assert len(sentences) > 50
    with translation.override("ar"):
        missing = {sentence for sentence in sentences - {"%(name)s:"} if translation.gettext(sentence) == sentence}
    assert missing == set()


def test_an_arabic_session_s_link_opens_an_arabic_page(
    client: Client, start: Callable[..., AvatarSession], db: None
) -> None:
    link = create_link(start(language="ar"), by="Amina")
    page = client.get(f"/j/{link.token}", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "التحدّث مع" in page


def test_a_refusal_is_in_the_session_s_language_too(
    client: Client, start: Callable[..., AvatarSession], db: None
) -> None:
    link = create_link(start(language="ar"), by="Amina")
    revoke_link(link, by="Amina")
    assert "سُحب هذا الرابط" in client.get(f"/j/{link.token}").content.decode()
    assert (
        client.post(f"/api/v1/join/{link.token}", "{}", "application/json")
        .json()["detail"]
        .startswith("سُحب هذا الرابط")
    )


@pytest.mark.parametrize(("asked", "shown"), [("ar", "هذا الرابط غير معروف"), ("en", "This link is not known")])
def test_an_unknown_link_answers_in_the_browser_s_language(client: Client, db: None, asked: str, shown: str) -> None:
    assert shown in client.get("/j/unknown", headers={"accept-language": asked}).content.decode()


def test_operators_pages_stay_in_english_until_they_are_translated(client: Client, db: None) -> None:
    assert (
        '<html lang="en" dir="ltr"'
        in client.get("/sign-in/", headers={"accept-language": "ar"}, follow=True).content.decode()
    )
