"""From a picture to an avatar on air that wears it, as an operator does it in the browser."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.faces import as_file, photograph
from tests.stack import Stack

PLAYS = """(video) => new Promise((done, failed) => {
  const seen = () => ({ width: video.videoWidth, seconds: video.duration, sound: video.webkitAudioDecodedByteCount });
  video.addEventListener("ended", () => done(seen()), { once: true });
  video.addEventListener("error", () => failed(new Error(video.error.message)), { once: true });
  video.muted = true;
  video.playbackRate = 8;
  video.play().catch(failed);
})"""


def test_a_picture_is_cropped_prepared_heard_and_goes_on_air(stack: Stack, operator_page: Page, tmp_path: Path) -> None:
    code = stack.api("POST", "profiles", {"name": "Anna", "greeting": "Hello, I am Anna."})["code"]
    page = operator_page
    page.goto(f"{stack.url}/profiles/{code}/")
    page.get_by_role("link", name="Upload a portrait").click()
    expect(page.locator("h1")).to_have_text("Anna wears a drawn face.")

    (tmp_path / "text.png").write_text("no picture")
    page.locator("input[type=file]").set_input_files(tmp_path / "text.png")
    expect(page.locator("#portrait-refusal")).to_contain_text("not a picture")
    (tmp_path / "anna.jpg").write_bytes(as_file(photograph()))
    page.locator("input[type=file]").set_input_files(tmp_path / "anna.jpg")
    frame = page.get_by_role("group", name="The part that is used")
    frame.focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowRight"):
        frame.press(key)
    assert page.locator("[name=crop]").input_value() == "0.02000,0.00000,0.98000,1.00000"
    page.get_by_label("The person in this picture agrees").check()
    page.get_by_role("button", name="Upload and prepare").click()
    expect(page.get_by_text(re.compile("Waiting|Reading|Finding|Checking|Ready to wear")).first).to_be_visible()
    page.reload()
    card = page.locator(".av-portrait")
    expect(card).to_have_attribute("data-status", "prepared", timeout=180_000)
    expect(card).to_have_attribute("data-clip", "made", timeout=180_000)
    played = card.locator("video").evaluate(PLAYS)
    assert played["width"] == 640
    assert played["seconds"] > 1.5
    assert played["sound"] > 0

    page.get_by_role("button", name="Use this portrait").click()
    expect(page.locator("h1")).to_have_text("Anna wears the uploaded portrait “anna”.")
    session = stack.api("POST", "sessions", {"profile": code, "mode": "constrained"})["code"]
    stack.wait_ready(session)
    visitor = page.request.get(stack.new_link(session)["url"]).text()
    address = re.search(r"/portraits/[0-9a-f-]{36}/face\.jpg", visitor)
    assert address is not None
    assert page.request.get(f"{stack.url}{address[0]}").headers["content-type"] == "image/jpeg"
    events = page.request.get(f"{stack.url}/sessions/{session}/fragments/events/").text()
    assert "stands in" not in events
    stack.stop_session(session)
