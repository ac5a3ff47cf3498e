import base64
import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from media_library.folders import create_folder
from media_library.models import Blob, MediaFile, Rendition
from media_library.rendition_tasks import make_renditions
from tests.admin.test_scoping import address
from tests.browser.house import picture, upload, welcome
from tests.browser.watching import NARROW, WIDE, faults_of
from tests.media_library import files

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
                    && window.progress.push(node.firstChild.textContent))))
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
    page.get_by_role("checkbox", name="Choose shop.jpg").check()
    drop(page, ("more.txt", b"three"))
    expect(cards).to_have_count(3)
    expect(page.get_by_text("1 chosen")).to_be_visible()
    MediaFile.objects.get(name="more.txt").delete()
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
    given = [
        {"name": "small.txt", "mimeType": "text/plain", "buffer": b"hello"},
        {"name": "large.txt", "mimeType": "text/plain", "buffer": b"hello " * 9},
    ]
    page.get_by_label("Files", exact=True).set_input_files(given)
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


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_folders_and_what_is_chosen_by_keyboard(browsing, operator, workspace, width):
    scenario = welcome(workspace, upload(workspace, "used.jpg"))
    upload(workspace, "other.jpg", picture(color="red"))
    page = browsing(operator, width)
    page.goto(WALL)
    move = page.get_by_role("button", name="Move")
    expect(move).to_be_disabled()
    page.get_by_text("New folder").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Summer")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No files in this folder yet.")).to_be_visible()
    assert faults_of(page) == []
    drop(page, ("inside.txt", b"hello"))
    cards = page.locator(".wall .card strong")
    expect(cards).to_have_text(["inside.txt"])
    page.get_by_role("link", name="All files").click()
    expect(page.locator(".folders")).to_contain_text("1 file")
    page.get_by_role("checkbox", name="Choose other.jpg").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 chosen")).to_be_visible()
    page.get_by_label("Chosen files:").select_option("Summer")
    move.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 file is now in Summer.")).to_be_visible()
    assert faults_of(page) == []
    page.locator(".folders a").click()
    expect(cards).to_have_text(["inside.txt", "other.jpg"])
    page.get_by_role("link", name="All files").click()
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_text("3 chosen")).to_be_visible()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_text(f"used in: {scenario.title}")).to_be_visible()
    assert faults_of(page) == []
    assert MediaFile.objects.undeleted().count() == 3
    page.get_by_role("button", name="Yes, I’m sure").click()
    expect(page.get_by_text("The library is empty.")).to_be_visible()
    assert MediaFile.objects.undeleted().count() == 0


def made(media_file, recipe, content):
    """As a worker leaves it behind."""
    row = Rendition.objects.get(source=media_file.blob, recipe=recipe)
    row.status, row.blob = "ready", upload(row.workspace, content=content).blob
    row.save()
    Blob.objects.filter(pk=media_file.blob_id).update(
        made={recipe: {"status": "ready", "size": len(content)}}
    )


def test_cards_renew_themselves(browsing, operator, workspace):
    pending = MediaFile.objects.create(workspace=workspace, status="pending", name="slow.txt")
    film = upload(workspace, "film.mp4", files.mp4())
    page = browsing(operator)
    page.goto(WALL)
    page.get_by_role("checkbox", name="Choose film.mp4").check()
    page.evaluate("window.same = true")
    made(film, "poster", picture(320, 200))
    text = upload(workspace, "b.txt", b"hello")
    MediaFile.objects.filter(pk=pending.pk).update(
        status="ready", blob=text.blob, media_type="document"
    )
    card = page.locator(f"#card-{pending.pk}")
    expect(card).to_contain_text("document")
    image = page.locator(f"#card-{film.pk} img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
    expect(page.get_by_role("checkbox", name="Choose film.mp4")).to_be_checked()
    assert page.evaluate("window.same"), "without loading the page again"
    assert faults_of(page) == []


def test_what_a_worker_makes_shows_itself(browsing, operator, workspace):
    media_file = upload(workspace, "a.webp", files.picture("WEBP", size=(300, 200)))
    page = browsing(operator)
    page.goto(address(MediaFile, "change", media_file.pk))
    expect(page.get_by_text("A JPEG of up to 5 MB is yet to be made.")).to_have_count(3)
    page.get_by_label("Caption").fill("half a sent")
    make_renditions()
    expect(page.get_by_text("Goes out as a JPEG of up to 5 MB.")).to_have_count(3)
    expect(page.get_by_label("Caption")).to_have_value("half a sent")
    page.goto(WALL)
    image = page.locator(".wall .card img")
    assert f"/media/{media_file.pk}.thumbnail:" in image.get_attribute("src")
    assert faults_of(page) == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_file_is_watched_tried_again_replaced_and_deleted(browsing, operator, workspace, width):
    media_file = upload(workspace, "a.webp", files.picture("WEBP", size=(300, 200)))
    welcome(workspace, media_file)
    page = browsing(operator, width)
    page.goto(WALL)
    page.locator(".wall .card a").click()
    expect(page.get_by_text("waits for its turn")).to_have_count(2)
    rows = Rendition.objects.filter(recipe="jpeg-5mb")
    rows.update(status="running", progress=40, lease_until=timezone.now())
    expect(page.locator("progress")).to_have_attribute("value", "40")
    assert faults_of(page) == []
    rows.update(status="failed", error_message="It is damaged.")
    entry = {"status": "failed", "message": "It is damaged."}
    Blob.objects.update(made={"jpeg-5mb": entry})
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("It is tried again.")).to_be_visible()
    assert rows.get().status == "queued"
    new = {"name": "n.txt", "mimeType": "text/plain", "buffer": b"hello"}
    page.get_by_label("By a file").set_input_files(new)
    page.get_by_role("button", name="Replace").click()
    expect(page.get_by_text("Not replaced: The new file is of the type document")).to_be_visible()
    new = {"name": "n.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    page.get_by_label("By a file").set_input_files(new)
    page.get_by_role("button", name="Replace").click()
    expect(page.get_by_text("The file is replaced.")).to_be_visible()
    preview = page.get_by_role("img", name="The image a.jpg")
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    expect(page.locator("code", has_text="picture")).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("used in: Welcome")).to_be_visible()
    assert faults_of(page) == []
    page.get_by_role("button", name="Yes, I’m sure").click()
    expect(page.get_by_text("The library is empty.")).to_be_visible()


def test_canceling_what_is_on_its_way(browsing, operator, workspace):
    page = browsing(operator)
    page.goto(WALL)
    # The connection is so slow that there is time to press.
    session = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 20_000}
    session.send("Network.emulateNetworkConditions", slow)
    drop(page, *((f"{n}.txt", b"hello " * 100_000) for n in range(3)))
    progress = page.locator("#brought progress")
    expect(progress).to_have_count(3)
    expect(progress.first).to_have_attribute("value", re.compile(r"0\.\d+"))
    for n in (2, 0, 1):
        page.get_by_role("button", name=f"Cancel {n}.txt").press("Enter")
    expect(page.locator("#brought .refused")).to_have_count(3)
    expect(progress).to_have_count(0)
    assert not MediaFile.objects.exists()


def test_who_is_signed_out_is_told(browsing, operator, workspace):
    page = browsing(operator)
    upload(workspace, "there.txt", b"hello")
    page.goto(WALL)
    page.context.clear_cookies(name="sessionid")
    drop(page, ("a.txt", b"hello"))
    expect(page.locator("#brought .refused")).to_contain_text("You are signed out.")
    expect(page.locator(".wall .card strong")).to_have_text(["there.txt"])
    assert MediaFile.objects.count() == 1


def test_without_scripts(browsing, operator, workspace, chromium, live_server):
    page = browsing(operator)
    cookies = page.context.cookies()
    plain = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    plain.add_cookies(
        [{key: each[key] for key in ("name", "value", "domain", "path")} for each in cookies]
    )
    bare = plain.new_page()
    bare.goto(WALL)
    new = {"name": "n.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    bare.get_by_label("Files", exact=True).set_input_files(new)
    bare.get_by_role("button", name="Add to the library").click()
    expect(bare.get_by_text("n.jpg is here.")).to_be_visible()
    folder = create_folder(workspace, "Summer")
    bare.reload()
    bare.get_by_role("checkbox", name="Choose n.jpg").check()
    bare.get_by_label("Chosen files:").select_option("Summer")
    bare.get_by_role("button", name="Move").click()
    expect(bare.get_by_text("1 file is now in Summer.")).to_be_visible()
    assert MediaFile.objects.get().folder == folder
    plain.close()
