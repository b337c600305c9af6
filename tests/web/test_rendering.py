import json

import segno
from hypothesis import given
from hypothesis import strategies as st

from web.io.catalogues import Catalogues
from web.io.qr import svg
from web.io.rendering import json_data

PO = b"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "Join"
msgstr "Rejoindre"

msgid "Leave"
msgstr ""

#, fuzzy
msgid "Mute"
msgstr "Muet"
"""


@given(
    st.recursive(
        st.text() | st.integers(-(2**53), 2**53) | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_data_in_a_page_reads_back_the_same_and_cannot_end_its_element(value):
    text = str(json_data(value))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_a_sentence_without_its_translation_is_said_in_english(tmp_path):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_bytes(PO)
    catalogues = Catalogues(tmp_path)
    assert [catalogues.text("fr", msgid) for msgid in ("Join", "Leave", "Mute", "Other")] == [
        "Rejoindre",
        "Leave",
        "Mute",
        "Other",
    ]
    assert catalogues.catalogue("fr") == {"Join": "Rejoindre", "Leave": "Leave"}
    assert catalogues.text("en", "Join") == "Join"
    assert catalogues.catalogue("en") == {}


def test_a_qr_code_holds_the_link_and_is_drawn_by_attributes():
    link = "https://visio.example.org/join#" + "a" * 43
    picture = svg(link).decode()
    assert picture.count("<path") == 2
    assert 'stroke="#000"' in picture
    assert 'fill="#fff"' in picture
    assert "style" not in picture
    assert segno.make(link, error="m", micro=False).symbol_size(border=4)[0] * 6 == int(
        picture.split('width="')[1].split('"')[0]
    )
