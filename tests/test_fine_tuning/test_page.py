"""The page of a fine-tuning: nothing on it is markup that was not meant."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from uninext.fine_tuning.page import write_page


class Read(HTMLParser):
    """What a browser sees."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.images: list[dict] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.images += [dict(attrs)] if tag == 'img' else []

    def handle_data(self, data: str) -> None:
        self.texts += [data] if data.strip() else []


def test_of_nothing(tmp_path):
    write_page(tmp_path / 'page.html', 'Mine', {'Metrics': ''}, {'Images': []})
    read = Read(tmp_path / 'page.html')
    assert [text for text in read.texts if ':root' not in text] == ['Mine'] * 2
    assert read.images == []


def test_texts_and_images_arrive_as_they_are(tmp_path):
    name, text = '<b>a & "b"</b>', 'cat  0.5\n<script>dog</script>'
    file = tmp_path / 'start/a "1" #2.png'
    write_page(tmp_path / 'page.html', name, {name: text}, {'Images': [(name, file)]})
    read = Read(tmp_path / 'page.html')
    assert read.texts.count(name) == 4 and text in read.texts
    assert read.images == [dict(src='start/a%20%221%22%20%232.png', alt=name)]
