"""The part of a profile's page that says what it knows."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from operators.models import Operator
from protocol.knowledge import Knowledge
from sessions import assets
from sessions.knowledge import answering
from sessions.knowledge.pair_import import pairs_from
from sessions.knowledge.store import read_knowledge
from sessions.models import AvatarProfile
from tests.pages.conftest import Browse

HTMX = {"HX-Request": "true"}
PAIR = {
    "question": "Where is the lift?",
    "answer": "On the left.",
    "language": "en",
    "topic": "ways",
    "also": "Is there a lift?",
}


@pytest.fixture
def omar(demo: None) -> AvatarProfile:
    """Who knows nothing yet."""
    return AvatarProfile.objects.get(current__name="Omar")


@pytest.fixture
def page(browse: Browse, amina: Operator) -> Client:
    return browse(amina)


def known(profile: AvatarProfile) -> Knowledge:
    profile.refresh_from_db()
    assert profile.current is not None
    return read_knowledge(profile.current.knowledge)


def at(profile: AvatarProfile, rest: str = "") -> str:
    return f"/profiles/{profile.code}/knowledge/{rest}"


def test_a_profile_says_what_it_knows_a_page_at_a_time(page: Client, guide: AvatarProfile) -> None:
    whole = page.get(f"/profiles/{guide.code}/").content.decode()
    assert "It knows 110 answers and 2 documents." in whole
    assert "What are your opening hours?" in whole
    assert "page 1 of 6" in whole
    second = page.get(at(guide), {"page": 2}, headers=HTMX).content.decode()
    assert "page 2 of 6" in second
    assert "<html" not in second
    found = page.get(at(guide), {"find": "قمر الميناء"}, headers=HTMX).content.decode()
    assert "ما هي لؤلؤة «قمر الميناء»؟" in found
    assert "No pair holds these words." in page.get(at(guide), {"find": "zebra"}, headers=HTMX).content.decode()
    assert page.get(at(guide), {"find": "lift"}).content.decode().count("<html") == 1, "also without scripts"


def test_a_profile_that_knows_nothing_says_what_to_do(page: Client, omar: AvatarProfile) -> None:
    whole = page.get(f"/profiles/{omar.code}/").content.decode()
    assert "It knows nothing yet." in whole
    assert "Write down what visitors ask most." in whole


def test_a_pair_is_added_changed_in_place_and_removed(page: Client, omar: AvatarProfile) -> None:
    assert page.get(at(omar, "new"), headers=HTMX).status_code == 200
    kept = page.post(at(omar, "new"), PAIR, headers=HTMX)
    assert (kept["HX-Retarget"], kept["HX-Reswap"]) == ("#knowledge", "outerHTML")
    assert "This is version 2" in kept.content.decode()
    (pair,) = known(omar).pairs
    assert (pair.question, pair.also, pair.topic) == ("Where is the lift?", ["Is there a lift?"], "ways")
    form = page.get(at(omar, pair.id), headers=HTMX).content.decode()
    assert form.strip().startswith("<tr")
    assert "On the left." in form
    page.post(at(omar, pair.id), {**PAIR, "answer": "On the right."}, headers=HTMX)
    assert [each.answer for each in known(omar).pairs] == ["On the right."]
    page.post(at(omar, f"{pair.id}/remove"), headers=HTMX)
    assert known(omar).pairs == []
    assert page.post(at(omar, f"{pair.id}/remove"), headers=HTMX).status_code == 422
    assert page.get(at(omar, pair.id), headers=HTMX).status_code == 404


def test_all_of_it_works_without_scripts(page: Client, omar: AvatarProfile) -> None:
    assert page.post(at(omar, "new"), PAIR)["Location"] == f"/profiles/{omar.code}/#knowledge"
    assert page.post(at(omar, "import"), {"text": "Where?\nHere."}).status_code == 302
    assert len(known(omar).pairs) == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"question": " "}, "required"),
        ({"answer": ""}, "required"),
        ({"answer": "x" * 2001}, "at most 2000"),
        ({"language": "xx"}, "xx is not"),
        ({"also": "y\n" * 31}, "31 lines are more"),
        ({"also": "z" * 301}, "longer than 300"),
        ({"question": "Nul\0l"}, "Null characters"),
    ],
)
def test_a_wrong_pair_is_not_kept_and_what_was_typed_is(
    page: Client, omar: AvatarProfile, wrong: dict[str, str], sentence: str
) -> None:
    answer = page.post(at(omar, "new"), {**PAIR, **wrong}, headers=HTMX)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "ways" in answer.content.decode()
    assert known(omar).pairs == []


def test_a_viewer_reads_and_tries_and_changes_nothing(
    browse: Browse, basil: Operator, guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, before = browse(basil), known(guide)
    whole = client.get(f"/profiles/{guide.code}/").content.decode()
    assert "What are your opening hours?" in whole
    for word in ("Add a pair", "Upload", "Many at once", "Remove"):
        assert word not in whole
    first = before.pairs[0].id
    for address in ("new", "import", "documents", "documents/remove", first, f"{first}/remove"):
        assert client.post(at(guide, address), PAIR, headers=HTMX).status_code == 403, address
    assert known(guide) == before
    assert Client().get(at(guide)).status_code == 302


# -- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\nWhere?,Here.\nWhen?,Now.",
        "Where?,Here.\nWhen?,Now.",
        "Question;Answer\nWhere?;Here.\nWhen?;Now.",
        "answer\tquestion\nHere.\tWhere?\nNow.\tWhen?",
        "Where?\nHere.\n\nWhen?\nNow.",
        "Q: Where?\nA: Here.\n\nQ: When?\nA: Now.",
        "\ufeffquestion,answer\r\nWhere?,Here.\r\nWhen?,Now.\r\n",
    ],
)
def test_pairs_are_read_as_people_write_them(text: str) -> None:
    assert [(pair.question, pair.answer) for pair in pairs_from(text)] == [("Where?", "Here."), ("When?", "Now.")]


def test_csv_carries_languages_topics_and_other_ways_to_ask() -> None:
    text = "question,answer,language,topic,also\nWhere?,Here.,en,ways,Which way?|Whither?\nأين؟,هنا.,,,"
    english, arabic = pairs_from(text)
    assert (english.also, english.topic, arabic.language) == (["Which way?", "Whither?"], "ways", "ar")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no text"),
        ("Where?\nHere.\n\nWhen?", "line 4 asks “When?”"),
        ("question,answer\nWhere?,", "line 2, answer"),
        ('question,answer\n"Where?,Here.\nWhen?,Now.', "is no CSV"),
        ("question,answer,language\nWhere?,Here.,klingon", "line 2, language"),
        ("\n".join(f"Q{number},A" for number in range(2001)), "2001 pairs are more than the 2000"),
    ],
)
def test_what_cannot_be_read_as_pairs_names_its_line(
    page: Client, omar: AvatarProfile, text: str, sentence: str
) -> None:
    answer = page.post(at(omar, "import"), {"text": text}, headers=HTMX)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert known(omar).pairs == []


def test_a_csv_file_is_read_and_a_broken_one_refused(page: Client, omar: AvatarProfile) -> None:
    page.post(at(omar, "import"), {"file": SimpleUploadedFile("pairs.csv", "أين؟,هنا.".encode("utf-16"))}, headers=HTMX)
    assert [pair.language for pair in known(omar).pairs] == ["ar"]
    broken = SimpleUploadedFile("pairs.csv", "où?,là".encode("latin-1"))
    answer = page.post(at(omar, "import"), {"file": broken}, headers=HTMX)
    assert "is not UTF-8" in answer.content.decode()


# -- documents --------------------------------------------------------------------------------------------------------


def pdf(text: str) -> bytes:
    """One page with a line of text; with none, a page that shows nothing, as a scan does to a reader of text."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    sheet = writer.add_blank_page(width=600, height=800)
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
                             NameObject("/BaseFont"): NameObject("/Helvetica")})  # fmt: skip
    sheet[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode())
    sheet[NameObject("/Contents")] = writer._add_object(stream)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def docx(text: str) -> bytes:
    from docx import Document

    document = Document()
    document.add_paragraph(text)
    document.add_table(1, 1).cell(0, 0).text = "In a table."
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def upload(page: Client, profile: AvatarProfile, name: str, content: bytes) -> str:
    return page.post(
        at(profile, "documents"), {"document": SimpleUploadedFile(name, content)}, headers=HTMX
    ).content.decode()


RULES = "No running in the halls. Dogs wait at the door."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("House_rules.txt", RULES.encode()),
        ("House rules.md", b"\xef\xbb\xbf" + RULES.encode()),
        ("House rules.pdf", pdf(RULES)),
        ("House rules.DOCX", docx(RULES)),
    ],
)
def test_documents_of_each_kind_are_read(page: Client, omar: AvatarProfile, name: str, content: bytes) -> None:
    assert "“House rules” is kept." in upload(page, omar, name, content)
    (document,) = known(omar).documents
    assert document.name == "House rules"
    assert RULES in assets.read(document.sha256).decode()
    page.post(at(omar, "documents/remove"), {"name": "House rules"}, headers=HTMX)
    assert known(omar).documents == []


def test_five_megabytes_are_read_and_one_byte_more_is_not(page: Client, omar: AvatarProfile) -> None:
    full = (b"A sentence of forty characters, no more.\n" * 130_000)[: 5 * 1024 * 1024]
    assert "is kept" in upload(page, omar, "Large.txt", full)
    assert "“Larger.txt” is over 5 MB." in upload(page, omar, "Larger.txt", full + b".")
    assert [each.name for each in known(omar).documents] == ["Large"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("Empty.txt", b"", "is empty"),
        ("Blank.txt", b" \n ", "is empty"),
        ("Scan.pdf", pdf(""), "holds pictures of text and no text"),
        ("Picture.png", b"\x89PNG", "is none of TXT, Markdown, PDF and DOCX"),
        ("No ending", b"text", "is none of TXT, Markdown, PDF and DOCX"),
        ("Latin.txt", "déjà vu".encode("latin-1"), "is not UTF-8"),
        ("Binary.txt", b"a\x00b", "is not a text file"),
        ("Text.pdf", b"just text", "is not what its name says"),
        ("Broken.pdf", b"%PDF-1.7 and then nothing", "is damaged"),
        ("Zip.docx", b"PK\x03\x04 and then nothing", "is damaged"),
        ("Blank.docx", docx("")[:-1], "is damaged"),
    ],
)
def test_what_is_no_document_is_refused_with_a_sentence(
    page: Client, omar: AvatarProfile, name: str, content: bytes, sentence: str
) -> None:
    answer = upload(page, omar, name, content)
    assert sentence in answer
    assert "Nothing was kept" in answer
    assert known(omar).documents == []


# -- trying a question ------------------------------------------------------------------------------------------------


def test_a_question_is_tried_with_its_source_and_score(page: Client, guide: AvatarProfile) -> None:
    answer = page.post(at(guide, "try"), {"question": "Where are the toilets?", "language": "en"}, headers=HTMX)
    shown = answer.content.decode()
    assert "The toilets are on the ground floor" in shown
    assert "100 % sure" in shown
    assert "<html" not in shown


def test_a_try_without_a_question_or_without_an_agent_is_said(
    page: Client, guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.post(at(guide, "try"), {"question": "", "language": "en"}, headers=HTMX).status_code == 422
    monkeypatch.setattr(answering.sys, "executable", "/bin/false")  # type: ignore[attr-defined]
    failed = page.post(at(guide, "try"), {"question": "-x --help", "language": "ar"}, headers=HTMX)
    assert failed.status_code == 503
    assert "could not be tried" in failed.content.decode()


def test_a_lost_file_does_not_lock_the_page(page: Client, guide: AvatarProfile) -> None:
    guide.versions.update(knowledge="e" * 64)
    whole = page.get(f"/profiles/{guide.code}/")
    assert whole.status_code == 200
    assert "lost" in whole.content.decode()
    assert "Add a pair" not in whole.content.decode()
