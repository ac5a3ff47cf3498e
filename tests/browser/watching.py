"""What is held of every page: nothing fails behind it, everything fits, everything has a name."""

from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request, Response

NARROW, WIDE = 390, 1280


class Watch:
    """Gathers what goes wrong in `page` while a test uses it."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.home = home
        self.faults: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.route("**/*", self._routed)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        # Leaving a page gives up what it was still asking for.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def _routed(self, route: Any, request: Request) -> None:
        if request.url.startswith((self.home, "data:", "blob:")):
            route.continue_()
        else:
            self.faults.append(f"outside: {request.url}")
            route.abort()


# Runs in the page; each finding is a sentence.
_LOOK = """() => {
    const found = [];
    const said = (element) => element.outerHTML.slice(0, 120);
    const shown = (element) => element.checkVisibility({ visibilityProperty: true })
        && element.getClientRects().length > 0;
    const named = (element) => (element.getAttribute('aria-label') || element.title
        || element.textContent.trim() || element.value
        || element.querySelector('img[alt]:not([alt=""])')?.alt
        || element.querySelector('[title]')?.title
        || (element.getAttribute('aria-labelledby') || '').split(' ')
            .map((id) => document.getElementById(id)?.textContent.trim()).join(''));
    const over = document.documentElement.scrollWidth - innerWidth;
    if (over > 0) {
        const wide = [...document.querySelectorAll('body *')].filter((element) => shown(element)
            && element.getBoundingClientRect().right > innerWidth + 1);
        found.push(`${over} px too wide: ${wide.slice(0, 3).map(said).join(' | ')}`);
    }
    const headings = [...document.querySelectorAll('h1')].filter(shown);
    if (headings.length !== 1) {
        found.push(`${headings.length} h1: ${headings.map(said)}`);
    }
    const main = document.querySelector('main');
    if (!main || main.innerText.trim().length < 10) {
        found.push('nothing in main');
    }
    for (const image of document.querySelectorAll('img')) {
        if (!image.hasAttribute('alt')) found.push(`no alt: ${said(image)}`);
        if (image.complete && !image.naturalWidth) found.push(`broken image: ${said(image)}`);
    }
    for (const field of document.querySelectorAll('input, select, textarea')) {
        if (field.type === 'hidden' || !shown(field)) continue;
        if (field.type === 'submit' ? !field.value : !field.labels.length && !named(field)) {
            found.push(`no label: ${said(field)}`);
        }
    }
    for (const button of document.querySelectorAll('button, a[href], summary')) {
        if (!shown(button)) continue;
        if (!named(button)) found.push(`no name: ${said(button)}`);
        const style = getComputedStyle(button);
        // A picture may stand for the words: then they are moved out of sight on purpose.
        if (button.scrollWidth > button.clientWidth + 1
            && style.overflow === 'hidden' && parseFloat(style.textIndent) === 0) {
            found.push(`cut off: ${said(button)}`);
        }
    }
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    if (twice.length) found.push(`ids twice: ${twice}`);
    return found;
}"""


def faults_of(page: Page) -> list[str]:
    """What can be said against the page as it stands, at the width it has."""
    page.wait_for_load_state()
    found: list[str] = page.evaluate(_LOOK)
    return found
