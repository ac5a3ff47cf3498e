import base64

from playwright.sync_api import expect

from media_library.models import MediaFile
from tests.admin.test_scoping import address
from tests.browser.house import picture, upload, welcome
from tests.browser.watching import NARROW, WIDE, faults_of

WALL = address(MediaFile, "changelist")
# Drops files as a hand would: the browser's own events, with the files in them.
DROP = """(zone, files) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        zone.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true,
                                                 dataTransfer: transfer }));
    }
}"""


def drop(page, *files):
    encoded = [[name, base64.b64encode(content).decode()] for name, content in files]
    page.locator(".drop").evaluate(DROP, encoded)


def test_dropping_three_files_filtering_and_looking(browsing, operator, workspace):
    page = browsing(operator)
    page.goto(WALL)
    page.evaluate(
        """() => {
            window.progress = [];
            new MutationObserver((changes) => changes.forEach((change) => change.addedNodes
                .forEach((node) => node.querySelector?.('progress')
                    && window.progress.push(node.textContent))))
                .observe(document.getElementById('brought'), { childList: true });
        }"""
    )
    drop(page, ("shop.jpg", picture()), ("<b>bad</b>.svg", b"<svg/>"), ("prices.txt", b"one, two"))
    lines = page.locator("#brought li")
    expect(lines).to_have_count(3)
    expect(page.locator("#brought .taken")).to_have_count(2)
    expect(page.locator("#brought .refused strong")).to_have_text("b>.svg")
    assert page.evaluate("window.progress") == ["shop.jpg", "<b>bad</b>.svg", "prices.txt"]
    cards = page.locator(".wall .card strong")
    expect(cards).to_have_count(2)
    assert sorted(MediaFile.objects.values_list("name", flat=True)) == ["prices.txt", "shop.jpg"]
    assert faults_of(page) == []
    page.get_by_role("link", name="Image", exact=True).click()
    expect(cards).to_have_text(["shop.jpg"])
    page.locator(".wall .card a").click()
    preview = page.get_by_role("img", name="The image shop.jpg")
    expect(preview).to_be_visible()
    assert preview.evaluate("image => image.complete && image.naturalWidth") == 640
    expect(page.get_by_text("Nothing uses it.")).to_be_visible()


def test_where_it_is_used_and_copying_its_address(browsing, operator, workspace):
    media_file = upload(workspace)
    scenario = welcome(workspace, media_file)
    page = browsing(operator, NARROW)
    page.goto(WALL)
    expect(page.locator(".wall .card")).to_contain_text("in Welcome")
    page.locator(".wall .card a").click()
    page.get_by_role("button", name="Copy the URL").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert page.request.get(copied).headers["content-type"] == "image/jpeg"
    assert faults_of(page) == []
    page.get_by_role("link", name="Welcome", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(scenario.title)


def test_choosing_files_and_one_that_is_too_large(browsing, operator, workspace, settings):
    settings.MEDIA_MAX_BYTES = 20
    page = browsing(operator, WIDE)
    page.goto(WALL)
    files = [
        {"name": "small.txt", "mimeType": "text/plain", "buffer": b"hello"},
        {"name": "large.txt", "mimeType": "text/plain", "buffer": b"hello " * 9},
    ]
    page.get_by_label("Files").set_input_files(files)
    expect(page.locator("#brought .taken")).to_contain_text("small.txt")
    expect(page.locator("#brought .refused")).to_contain_text("The file is larger than 20 bytes.")
    expect(page.locator(".wall .card strong")).to_have_text(["small.txt"])


def test_a_refused_address(browsing, operator, workspace):
    page = browsing(operator)
    page.goto(WALL)
    page.get_by_label("or by its address").fill("http://127.0.0.1/x.jpg")
    page.get_by_role("button", name="Add to the library").click()
    expect(page.locator("#brought .refused")).to_contain_text("http://127.0.0.1/x.jpg")
    assert not MediaFile.objects.exists()
