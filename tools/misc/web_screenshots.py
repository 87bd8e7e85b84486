#!/usr/bin/env python
"""Use the web demo as a visitor does, in a real browser, and take images of it.

Writes ``web_categories.png``, ``web_expression.png``, ``web_painting.png``,
``web_video_running.png``, ``web_video.png`` and ``web_phone.png``. Needs ``playwright``
and a Chromium of the system.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
OPTIONS = (
    '--no-sandbox',
    '--enable-unsafe-swiftshader',
    '--use-fake-device-for-media-stream',  # a camera that sees a test pattern
    '--use-fake-ui-for-media-stream',  # and may be used
)
LAPTOP = {'width': 1280, 'height': 800}
PHONE = {'width': 390, 'height': 844}
TIMEOUT_S = 180  # machines may be busy
EXAMPLE_WH = (320, 240)
# Of the second example: an expression, and strokes over two objects.
EXPRESSION = 'the large ring left of the white ring'
STROKES = {
    'red': [(64, 65), (70, 53), (86, 53), (92, 65)],
    'blue': [(192, 117), (202, 93), (226, 83), (250, 93), (260, 117)],
}
Points = Sequence[tuple[float, float]]
# Notes every text that an element has, so that none is missed or taken for a new one.
WATCH = """id => {
    const element = document.querySelector(id);
    window.noted = [];
    window.watcher?.disconnect();
    window.watcher = new MutationObserver(() => window.noted.push(element.innerText));
    const all = {subtree: true, childList: true, characterData: true};
    window.watcher.observe(element, all);
}"""
NUMBER = "document.querySelector('#KEY-status [data-number]')?.dataset.number"
# Gradio keeps a text such as 'processing' in an element, unseen, until it is final.
ANSWERED = """([key, text, before]) => {
    const status = document.querySelector(`#${key}-status [data-number]`);
    const table = document.querySelector(`#${key}-table`).innerText;
    return status && status.dataset.number != before
        && status.innerText.includes(text) && !/processing|pending/.test(table);
}"""


def find_browser() -> str | None:
    """The path of a Chromium; None if there is none."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window.

    Raises:
        RuntimeError: If there is none; says what to install.
    """
    path = find_browser()
    if path is None:
        raise RuntimeError(
            f'No browser was found ({", ".join(BROWSERS)}): apt-get install chromium'
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield opened
        opened.close()


class Visitor:
    """A visitor of the page.

    Attributes:
        page: What is seen.
        elsewhere: Addresses of other machines that the page asked for.
        complaints: Errors in the console of the browser.
    """

    def __init__(self, opened: Browser, url: str, size: dict[str, int]) -> None:
        self.page: Page = opened.new_page(viewport=size)
        self.page.set_default_timeout(1000 * TIMEOUT_S)
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self._url = url
        self._number: str | None = None
        self.page.on('request', self._note_request)
        self.page.on('console', self._note_message)
        self.page.goto(url)
        self.page.locator('#image-ask').wait_for()

    def _note_request(self, request) -> None:
        if not request.url.startswith((self._url, 'data:', 'blob:')):
            self.elsewhere.append(request.url)

    def _note_message(self, message) -> None:
        if message.type == 'error':
            self.complaints.append(message.text)

    # ---------------------------------------------------------------------- images

    def give_image(self, path: Path) -> None:
        """Drop an image in."""
        chooser = self.page.locator('#image-source input[type=file]')
        chooser.set_input_files(str(path))
        self.page.locator('#image-source img').wait_for()

    def ask_image(self, categories: str = '', expressions: str = '') -> str:
        """Type prompts and ask; the text of the table, or what the page says."""
        self.page.locator('#image-categories textarea').fill(categories)
        self.page.locator('#image-expressions textarea').fill(expressions)
        self._before_asking('image')
        self.page.locator('#image-ask').click()
        return self._image_table()

    def give_example_image(self, number: int) -> str:
        """Click on an example, which is asked at once; the text of the table."""
        self._before_asking('image')
        self.page.locator('tr.tr-body:visible').nth(number).click()
        return self._image_table()

    def _image_table(self) -> str:
        self._wait_for_answer('image', 'Answered')
        return self.page.locator('#image-table').inner_text()

    def click_box(self, key: str, box_xyxy: tuple[float, ...], size_wh: tuple) -> str:
        """Click two corners, in pixels of the image; the boxes that the page notes."""
        self.page.locator(f'#{key}-tab-box-button').click()
        shown = self.page.locator(f'#{key}-view img')
        shown.wait_for()
        before = self._boxes(key)
        for i, corner in enumerate((box_xyxy[:2], box_xyxy[2:])):
            source = shown.get_attribute('src')
            x, y = _in_frame(shown, corner, size_wh)
            shown.click(position=dict(x=x, y=y))  # once nothing moves any more
            self.page.wait_for_function(
                '([id, before]) => document.querySelector(id).src != before',
                arg=[f'#{key}-view img', source],
            )
            assert i == 0 or self._boxes(key) != before
        return self._boxes(key)

    def open_painter(self, key: str, under: str | None = None) -> Locator:
        """Open the tab, wait for the image of a key, or any; what is painted with."""
        self.page.locator(f'#{key}-tab-paint-button').click()
        wanted = '' if under is None else f'[data-under="{under}"]'
        painter = self.page.locator(f'#{key}-painting')
        painter.locator(f'.un-painter{wanted} canvas').wait_for()
        return painter

    def paint(self, key: str, brush: str, points: Points, size_wh: tuple) -> None:
        """Paint a stroke with a brush, called by its colour; one point is a dot."""
        painter = self.open_painter(key)
        painter.get_by_role('button', name=f'{brush} brush').click()
        canvas = painter.locator('canvas')
        canvas.scroll_into_view_if_needed()
        first, *others = (_on_screen(canvas, point, size_wh) for point in points)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in others:
            self.page.mouse.move(*point, steps=4)
        self.page.mouse.up()

    # ------------------------------------------------------------------------ videos

    def give_example_video(self, number: int) -> None:
        """Open the tab of videos and click on an example, which is tracked at once."""
        self.page.locator('#tab-videos-button').click()
        self._before_asking('video')
        self.page.locator('tr.tr-body:visible').nth(number).click()

    def wait_for_frame(self) -> str:
        """Wait until a frame is shown; what the page says about the progress."""
        frames = '() => window.noted.find(noted => noted.includes("Frame"))'
        return self.page.wait_for_function(frames).json_value()

    def wait_for_video(self) -> str:
        """Wait for the end; what the page says."""
        self._wait_for_answer('video', 'frames in')
        self.page.locator('#video-result video').wait_for()
        return self.page.locator('#video-status').inner_text()

    def ask_video(self) -> None:
        """Press the button."""
        self._before_asking('video')
        self.page.locator('#video-ask').click()

    def download(self, button: str) -> Path:
        """Press a button to download; the file, until the browser is closed."""
        with self.page.expect_download() as waiting:
            self.page.locator(button).click()
        return waiting.value.path()

    # ------------------------------------------------------------------------ camera

    def start_camera(self, categories: str, expressions: str = '') -> None:
        """Open the tab, type prompts and start the camera."""
        self.page.locator('#tab-camera-button').click()
        self.page.locator('#live-categories textarea').fill(categories)
        self.page.locator('#live-expressions textarea').fill(expressions)
        camera = self.page.locator('#live-source')
        camera.get_by_text('Click to Access Webcam').click()
        camera.get_by_text('Record').click()

    def wait_for_camera(self, text: str) -> str:
        """Wait until the table has a text; the whole table."""
        table = self.page.locator('#live-table', has_text=text)
        table.wait_for()
        return table.inner_text()

    def stop_camera(self) -> None:
        """Press the button."""
        self.page.locator('#live-source').get_by_text('Stop').click()
        self.page.locator('#live-source').get_by_text('Record').wait_for()

    # ------------------------------------------------------------------------ general

    def screenshot(self, path: Path) -> None:
        """Take an image of the screen, after what moves has settled."""
        self.page.wait_for_timeout(2500)
        self.page.screenshot(path=path, timeout=1000 * TIMEOUT_S)

    def overflow(self) -> int:
        """Pixels that the page is wider than the screen."""
        width = 'document.documentElement.scrollWidth - window.innerWidth'
        return self.page.evaluate(width)

    def _before_asking(self, key: str) -> None:
        self.page.evaluate(WATCH, f'#{key}-status')
        self._number = self.page.evaluate(NUMBER.replace('KEY', key))

    def _wait_for_answer(self, key: str, text: str) -> None:
        self.page.wait_for_function(ANSWERED, arg=[key, text, self._number])

    def _boxes(self, key: str) -> str:
        return self.page.locator(f'#{key}-boxes textarea').input_value()


def _in_frame(
    shown: Locator, point: tuple[float, ...], size_wh: tuple
) -> tuple[float, float]:
    """Where a pixel of an image is, which is fitted into its frame."""
    frame, (width, height) = shown.bounding_box(), size_wh
    scale = min(frame['width'] / width, frame['height'] / height)
    left = (frame['width'] - scale * width) / 2
    top = (frame['height'] - scale * height) / 2
    return left + scale * point[0], top + scale * point[1]


def _on_screen(
    shown: Locator, point: tuple[float, ...], size_wh: tuple
) -> tuple[float, float]:
    """The same on the screen."""
    frame, (x, y) = shown.bounding_box(), _in_frame(shown, point, size_wh)
    return frame['x'] + x, frame['y'] + y


def _paint_and_ask(visitor: Visitor) -> None:
    """Paint over two objects of the second example."""
    for brush, points in STROKES.items():
        visitor.paint('image', brush, points, EXAMPLE_WH)
    visitor.ask_image()


def take_screenshots(url: str, out: Path) -> None:
    """Visit the page and take the images."""
    out.mkdir(parents=True, exist_ok=True)
    with browser() as opened:
        visitor = Visitor(opened, url, LAPTOP)
        visitor.give_example_image(0)
        visitor.screenshot(out / 'web_categories.png')
        visitor.give_example_image(1)
        visitor.ask_image(expressions=EXPRESSION)
        visitor.screenshot(out / 'web_expression.png')
        _paint_and_ask(visitor)
        visitor.screenshot(out / 'web_painting.png')
        visitor.give_example_video(1)
        visitor.wait_for_frame()
        visitor.page.locator('#video-tab-box-button').click()
        visitor.screenshot(out / 'web_video_running.png')
        visitor.wait_for_video()
        visitor.screenshot(out / 'web_video.png')
        visitor.page.close()
        phone = Visitor(opened, url, PHONE)
        phone.give_example_image(3)
        phone.page.locator('#image-result').scroll_into_view_if_needed()
        phone.screenshot(out / 'web_phone.png')


def main(argv: list[str] | None = None) -> int:
    """Serve a model and take the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', help='default: the model that comes along')
    parser.add_argument('--checkpoint')
    parser.add_argument('--name', help='what the header calls it')
    parser.add_argument('--out', type=Path, default=Path('docs/assets'))
    args = parser.parse_args(argv)
    import uninext.registry  # noqa: F401  (before anything of mmdet)
    from uninext.apis import UninextInferencer
    from uninext.web import serving

    inferencer = UninextInferencer(args.model, args.checkpoint)
    name = args.name or Path(args.checkpoint or args.model or 'uninext_tiny').name
    with serving(inferencer, name) as app:
        take_screenshots(app.local_url, args.out)
    print(f'written: {args.out}/web_*.png')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
