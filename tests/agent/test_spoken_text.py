"""What is said for numbers, dates, times, prices and signs, in both languages; how texts are cut."""

import pytest

from agent.voice import english_text
from agent.voice.arabic import text as arabic_text
from agent.voice.arabic.numbers import cardinal, ordinal
from agent.voice.arabic.phonemes import phonemes_of
from agent.voice.arabic.voice import to_notation
from agent.voice.arabic.vowels import vowelled
from agent.voice.sentences import Script, SentenceCutter, runs, sentences


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9am–5pm", "9 A.M. to 5 P.M."),
        ("Mon-Fri", "Monday to Friday"),
        ("call +966 50 123 4567 now", "call plus nine six six, five zero, one two three, four five six seven now"),
        ("info@museum.org.", "info at museum dot org."),
        ("See https://www.museum.org/visit-us.", "See museum dot org slash visit dash us."),
        ("SAR 25 or 1 AED", "25 Saudi riyals or 1 dirham"),
        ("c. 1850", "around 1850"),
        ("100 m away", "100 meters away"),
        ("OK 🙂 **now**", "okay now"),
        ("open 24/7", "open twenty-four seven"),
    ],
)
def test_english_is_read_as_it_is_said(text: str, said: str) -> None:
    assert english_text.spoken(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("٣ كتب و5 لوحات", "ثلاثة كتب وخمس لوحات"),
        ("عمره 1,250 سنة", "عمره ألف ومئتين وخمسين سنة"),
        ("الساعة 12:30 ظهرا", "الساعة الثانية عشرة والنصف ظهرا"),
        ("من 9:00 ص إلى 5:15 م", "من التاسعة صباحا إلى الخامسة والربع مساء"),
        ("09:00-17:00", "التاسعة إلى الخامسة مساء"),
        ("الطابق 3 من القرن 19", "الطابق الثالث من القرن التاسع عشر"),
        ("21 نوفمبر 2026", "الحادي والعشرين من نوفمبر ألفين وستة وعشرين"),
        ("21/11/2026", "الحادي والعشرين من نوفمبر ألفين وستة وعشرين"),
        ("سنة 1445 هـ", "سنة ألف وأربعمئة وخمس وأربعين للهجرة"),
        ("500 ق.م", "خمسمئة قبل الميلاد"),
        ("$5.50", "خمسة دولارات وخمسين سنتا"),
        ("25 ر.س", "خمسة وعشرين ريالا"),
        ("50% أو ٢٠٪", "خمسين في المئة أو عشرين في المئة"),
        ("5 كم", "خمسة كيلومترات"),
        ("10-12 شخصا", "عشرة إلى اثني عشر شخصا"),
        ("+966 50 12", "زائد تسعة ستة ستة، خمسة صفر، واحد اثنين"),
        ("د. أحمد", "الدكتور أحمد"),
        ("ISO 9001", "ISO 9001"),
        ("3.14", "ثلاثة فاصلة أربعة عشر"),
    ],
)
def test_arabic_is_read_as_it_is_said(text: str, said: str) -> None:
    assert arabic_text.spoken(text) == said


@pytest.mark.parametrize(
    ("number", "feminine", "said"),
    [
        (0, False, "صفر"),
        (3, False, "ثلاثة"),
        (3, True, "ثلاث"),
        (11, True, "إحدى عشرة"),
        (12, False, "اثني عشر"),
        (21, True, "إحدى وعشرين"),
        (100, False, "مئة"),
        (2_003, False, "ألفين وثلاثة"),
        (15_000, False, "خمسة عشر ألفا"),
        (3_000_000, False, "ثلاثة ملايين"),
        (-7, False, "سالب سبعة"),
    ],
)
def test_arabic_numbers_agree_with_what_they_count(number: int, feminine: bool, said: str) -> None:
    assert cardinal(number, feminine=feminine) == said


def test_every_number_up_to_a_thousand_has_words_of_its_own() -> None:
    assert len({cardinal(number) for number in range(1001)}) == 1001
    assert len({ordinal(number, feminine=True) for number in range(1, 100)}) == 99


@pytest.mark.parametrize(
    ("vowels", "phonemes"),
    [
        ("الشَّمْسُ وَالْقَمَرُ", "?aSS'amsu w'alqamaR"),
        ("فِي الْمَتْحَفِ", "fil m'atHaf"),
        ("شُكْرًا", "S'ukRa:"),
        ("بِسْمِ اللَّهِ", "b'ismil l'a:h"),
        ("هَذَا الْكِتَابُ", "h'a:Dal kit'a:b"),
        ("أُولَئِكَ", "?u:l'a:?ik"),
        ("سَيَّارَةٌ", "sajj'a:Ra"),
        ("كَتَبُوا", "k'atabu:"),
        ("مُسْتَشْفًى", "must'aSfa:"),
        ("الطَّوِيلُ", "?at[t[a.w'i:l"),
    ],
)
def test_vowelled_arabic_is_joined_and_ends_as_in_speech(vowels: str, phonemes: str) -> None:
    assert " ".join("".join(word) for word in phonemes_of(vowels.split())) == phonemes


def test_vowels_are_restored_and_those_of_the_author_are_kept() -> None:
    assert vowelled("مرحبا بكم في المتحف") == "مَرْحَبًا بِكُمْ فِي الْمَتْحَفِ"
    assert vowelled("كُتِبَ الدرس").startswith("كُتِبَ ")


def test_a_pause_is_where_a_sign_is() -> None:
    assert to_notation("نَعَمْ، أَهْلًا!") == "[[n'aAam]], [[?'ahla:]]!"
    assert to_notation("... ()") == ""


def test_a_text_is_cut_into_sentences_in_both_languages() -> None:
    text = "Dr. Smith is here, e.g. now. How are you? أهلا بكم. كيف الحال؟ نعم.\nIt costs $5.50."
    assert sentences(text) == [
        "Dr. Smith is here, e.g. now.",
        "How are you?",
        "أهلا بكم.",
        "كيف الحال؟",
        "نعم.",
        "It costs $5.50.",
    ]


def test_a_sentence_is_given_as_soon_as_the_next_one_begins() -> None:
    cutter = SentenceCutter()
    assert cutter.push("Good mor") == []
    assert cutter.push("ning. ") == []
    assert cutter.push("I am") == ["Good morning."]
    assert cutter.flush() == ["I am"]
    assert cutter.flush() == []


def test_a_text_without_any_end_is_cut_where_it_can_be() -> None:
    parts = sentences("word " * 200)
    assert all(len(part) <= 280 for part in parts)
    assert " ".join(parts).split() == ["word"] * 200
    assert "".join(sentences("a" * 1000)) == "a" * 1000


def test_a_sentence_is_spoken_by_the_voices_of_its_scripts() -> None:
    assert runs("زوروا موقع museum.org اليوم 25 مرة") == [
        (Script.ARABIC, "زوروا موقع"),
        (Script.LATIN, "museum.org"),
        (Script.ARABIC, "اليوم 25 مرة"),
    ]
    assert runs("12 rooms") == [(Script.LATIN, "12 rooms")]
    assert runs("12 غرفة") == [(Script.ARABIC, "12 غرفة")]
