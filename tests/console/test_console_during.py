"""What the page says during a run: worked out in pure functions, and seen in a browser."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from console_helpers import Console, Engine, open_page
from feeder import MadeUp
from playwright.sync_api import Browser, Page, expect

from rtfmri.console.advice import lines, standing_fault
from rtfmri.console.context import ELSEWHERE, Hearing
from rtfmri.console.during import figures
from rtfmri.console.during.brain import views
from rtfmri.console.during.controls import controls
from rtfmri.console.during.glass import drawing, glass
from rtfmri.console.during.headline import headline
from rtfmri.console.during.pictures import PNG, trusted
from rtfmri.console.during.progress import progress, segments
from rtfmri.console.safe_page import safe_state
from rtfmri.console.story import Story, after
from rtfmri.messages import DisplayReport, Envelope, Fault, Operator, Pause, Picture, Rating, RunStop, Shown

HEARD = Hearing(True, 0.1)
NOW_S = 1_000.0
RUN = MadeUp(200, tr_s=1.0)


def told(*messages, story: Story | None = None, at_s: float = NOW_S) -> Story:
    story = story or Story()
    for message in messages:
        story = after(story, Envelope(run_uid="u", seq=0, sent_unix_s=at_s, message=message))
    return story


def a_run(volumes: int = 0, **changed) -> Story:
    """A story after so many volumes; ``changed`` fields of the last one."""
    messages = list(RUN.start(NOW_S))
    for index in range(volumes):
        messages += RUN.volume(index, NOW_S)[:2]
    if changed:
        messages[-2] = messages[-2].model_copy(update=changed)
    return told(*messages)


def a_stop(status: str) -> RunStop:
    return RunStop(exit_status=status, reason="the reason", counts={}, stopped_unix_s=NOW_S)


@pytest.mark.parametrize(
    ("story", "hearing", "later_s", "tone", "says"),
    [
        (Story(), Hearing(), 0, "calm", "Waiting for the engine"),
        (a_run(30), Hearing(False, 12.0), 0, "alarm", "Engine not heard for 12 s"),
        (Story(), HEARD, 0, "calm", "No run is armed"),
        (a_run(), HEARD, 0, "calm", "Armed"),
        (a_run(30), HEARD, 0.5, "good", "Running"),
        (a_run(3, validity="settling"), HEARD, 0, "good", "Running, settling"),
        (a_run(30, validity="held", why="the head moved"), HEARD, 0, "notice", "Held"),
        (a_run(30, validity="missing"), HEARD, 0, "warning", "Volume 30 is missing"),
        (a_run(30), HEARD, 6.0, "warning", "No volume for 6 s"),
        (a_run(30), HEARD, 14.0, "alarm", "No volume for 14 s"),
        (a_run(200), HEARD, 60.0, "good", "All volumes came"),
        (told(Pause(display="d", paused=True, pressed_unix_s=1), story=a_run(30)), HEARD, 0, "warning", "The participant has paused"),
        (told(Operator(action="pause"), story=a_run(30)), HEARD, 0, "notice", "Participant's screen is paused"),
        (told(Operator(action="blank"), story=a_run(30)), HEARD, 0, "notice", "Participant's screen is blank"),
        (told(a_stop("completed"), story=a_run(200)), HEARD, 99, "good", "Run completed"),
        (told(a_stop("failed"), story=a_run(30)), Hearing(False, 50.0), 99, "alarm", "Run failed"),
    ],
)
def test_the_headline_says_the_most_urgent_thing_first(story: Story, hearing: Hearing, later_s: float, tone: str, says: str) -> None:
    said = headline(story, hearing, NOW_S + later_s)
    assert (said.tone, said.words) == (tone, says)
    assert said.symbol


def test_a_silence_asks_for_the_scanner_and_the_export() -> None:
    assert "Is the scanner still running? Is the export on?" in headline(a_run(30), HEARD, NOW_S + 6.0).advice


def test_a_slow_tr_is_no_silence() -> None:
    story = a_run(30)
    assert story.start is not None
    slow = replace(story, start=story.start.model_copy(update={"stale_after_s": 7.5}))
    assert headline(slow, HEARD, NOW_S + 7.0).words == "Running"
    assert headline(slow, HEARD, NOW_S + 8.0).words == "No volume for 8 s"


def test_a_standing_fault_is_the_headline_until_it_is_over() -> None:
    full = Fault(code="journal_unwritable", severity="error", text="The record cannot be written", advice="Free space.")
    story = told(full, Fault(code="moved", severity="warning", text="The head moved."), story=a_run(30))
    assert headline(story, HEARD, NOW_S).words == "The record cannot be written."
    assert headline(story, HEARD, NOW_S).advice == "Free space."
    over = told(Fault(code="journal_recovered", severity="info", text="It can be written again."), story=story)
    assert headline(over, HEARD, NOW_S).words == "Running"
    assert standing_fault(told(full, story=over)) == full


def test_a_high_rating_is_put_before_the_operator_for_a_while() -> None:
    high = Fault(code="high_rating", severity="warning", text="The participant answers: pain 8 of 10.", advice="Ask over the intercom.")
    story = replace(told(high, story=a_run(30)), volume_unix_s=NOW_S + 29.0)
    assert headline(story, HEARD, NOW_S + 29.0).words == "The participant answers: pain 8 of 10."
    assert headline(story, HEARD, NOW_S + 31.0).words == "Running"


def test_progress_counts_volumes_time_and_blocks() -> None:
    far = progress(a_run(50))
    assert (far.volume, far.elapsed, far.remaining) == ("50 of 200", "0:50", "2:30")
    assert far.block == "self compassion · 2 of 10"
    assert (far.block_left, far.following, far.percent) == ("0:20", "wait", 25.0)
    assert progress(a_run()).following == "rest"
    assert progress(Story()).volume == "–"
    strip = segments(a_run())
    assert strip[0].width_percent == pytest.approx(15.0)
    assert strip[1].left_percent == pytest.approx(15.0)


def test_figures_warn_beyond_their_limits() -> None:
    story = a_run(40)
    assert figures.flagged(story).mark == ""
    many = replace(story, counts=(("ok", 30), ("settling", 0), ("held", 7), ("missing", 3)))
    assert (figures.flagged(many).value, figures.flagged(many).mark) == ("25 %", "warning")
    few = replace(story, counts=(("ok", 3), ("settling", 0), ("held", 1), ("missing", 0)))
    assert figures.flagged(few).mark == ""  # of four volumes a share says little
    assert story.volume is not None
    assert story.volume.motion is not None
    moved = replace(story, volume=story.volume.model_copy(update={"motion": story.volume.motion.model_copy(update={"fd_mm": 0.83})}))
    assert (figures.displacement(moved).value, figures.displacement(moved).mark) == ("0.83 mm", "warning")
    assert figures.latency(replace(story, totals_ms=(1200.0,) * 9)).mark == "warning"
    assert figures.latency(story).mark == ""


def test_events_are_newest_first_in_words_and_repeats_are_counted() -> None:
    again = Fault(code="unreadable", severity="warning", text="the file x is ignored")
    said = lines(told(again, again, again, Operator(action="mark", note="cough"), story=a_run()).events)
    assert [line.text for line in said[:2]] == ["Marked: cough", "The file x is ignored."]
    assert said[1].times == 3
    assert said[1].advice  # what to do, although the message brought none
    pause = lines(told(Pause(display="d", paused=True, pressed_unix_s=1)).events)[0]
    assert (pause.severity, "intercom" in pause.advice) == ("warning", True)
    rating = Rating(display="d", scale="self_kindness", value=None, start=1, response_s=None, asked_unix_s=1)
    assert lines(told(rating).events)[0].text == "Participant's rating: self kindness no answer in time."


def test_the_drawing_follows_the_value_and_a_value_that_is_none_is_grey() -> None:
    def radius(value: float | None, state: str = "fresh") -> float:
        shown = Shown(display="d", index=1, state=state, value=value, flip_unix_s=1)
        return float(re.findall(r'circle cx="80" cy="45" r="([\d.]+)" fill="#', drawing(shown, "circle"))[0])

    assert radius(-1.0) < radius(None, "stale") < radius(1.0)
    for view in ("circle", "thermometer", "line"):
        assert "#E69F00" in drawing(Shown(display="d", index=1, state="held", value=0.2, flip_unix_s=1), view)
        assert "#E69F00" not in drawing(Shown(display="d", index=None, state="stale", value=None, flip_unix_s=1), view)


def test_the_display_says_how_it_is() -> None:
    report = DisplayReport(
        display="projector",
        software="",
        schema_version="",
        sent_unix_s=1,
        refresh_hz=60.0,
        dropped_frames=3,
        trigger="keyboard",
        pulses=12,
        problems=("The sound does not play.",),
        clock_offset_s=0.0012,
        clock_error_s=0.0004,
    )
    said = glass(a_run(3), (report,))
    assert said.display == "● projector · 60 Hz · 3 dropped"
    assert said.clock == "keyboard: 12 pulses · clock +1.2 ± 0.4 ms"
    assert said.problem == "The sound does not play."
    assert glass(a_run(3), ()).display == "✕ No display heard"


def a_picture(folder: Path, name: str = "sub-07_ses-01_task-nf_run-01_desc-regulate_vol-00003.png") -> Picture:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(PNG + b"...")
    return Picture(index=3, what="regulate", path=str(folder / name))


FIGURES = Path("derivatives") / "rtfmri" / "sub-07" / "ses-01" / "func" / "figures"


def test_only_pictures_of_this_runs_own_folder_are_trusted(tmp_path: Path) -> None:
    story, folder = a_run(3), tmp_path / FIGURES
    good = a_picture(folder)
    assert trusted(good, story) == Path(good.path)
    assert trusted(a_picture(tmp_path / "elsewhere"), story) is None
    assert trusted(a_picture(folder, "sub-08_ses-01_task-nf_run-01_desc-regulate_vol-00003.png"), story) is None
    assert trusted(good.model_copy(update={"path": f"{folder}/../../../../../../../../etc/passwd"}), story) is None
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    link = folder / "sub-07_ses-01_task-nf_run-01_desc-link_vol-00003.png"
    link.symlink_to(secret)
    assert trusted(good.model_copy(update={"path": str(link)}), story) is None
    Path(good.path).write_text("no picture")
    assert trusted(good, story) is None


def test_each_region_has_a_view_of_its_planes_and_each_map_a_mosaic() -> None:
    pictures = [Picture(index=3, what=what, path="/x.png") for what in ("regulate", "regulate_planes")]
    found = views(told(*pictures, story=a_run(5)))
    assert [(view.words, view.up_percent) for view in found] == [("dlpfc", 0.0), ("tpj", 50.0), ("mosaic", None)]
    assert views(a_run(5)) == ()


def test_buttons_say_what_they_do_now_and_only_work_with_a_run() -> None:
    now = controls(told(Operator(action="pause"), Operator(action="blank"), story=a_run(3)), HEARD)
    assert (now["pause"].words, now["pause"].action) == ("Resume screen", "resume")
    assert (now["blank"].words, now["blank"].action) == ("Show screen", "unblank")
    assert all(control.possible for control in now.values())
    assert not any(control.possible for control in controls(Story(), HEARD).values())
    assert not any(control.possible for control in controls(a_run(3), Hearing(False, 9.0)).values())
    elsewhere = controls(a_run(3), HEARD, commands=False).values()
    assert {(control.possible, control.why_not) for control in elsewhere} == {(False, ELSEWHERE)}


def test_the_safe_page_says_a_state_and_nothing_else() -> None:
    states = {safe_state(story, HEARD)[1] for story in (Story(), a_run(), a_run(3), told(a_stop("failed"), story=a_run(3)))}
    assert states == {"Waiting", "Ready", "Running", "Finished"}


# --- in a browser ---


@pytest.fixture
def page(browser: Browser, console: Console) -> Page:
    page = open_page(browser, console)
    yield page
    page.close()


def test_a_silence_turns_the_page_to_a_warning_without_any_message(engine: Engine, page: Page) -> None:
    engine.run(40)
    expect(page.locator("#state")).to_contain_text("Running", timeout=15_000)
    expect(page.locator("#state")).to_contain_text("No volume for", timeout=15_000)
    expect(page.locator(".since[data-late]")).to_be_visible()
    expect(page.locator("#advice")).to_contain_text("Is the export on?")


def test_the_counter_goes_on_in_a_browser_that_hears_nothing_any_more(engine: Engine, page: Page) -> None:
    engine.run(40)
    expect(page.locator("#state")).to_contain_text("Running", timeout=15_000)
    page.evaluate("window.socket.disconnect()")
    expect(page.locator(".since[data-late]")).to_be_visible(timeout=10_000)


def test_faults_stand_in_words_can_be_filtered_and_dim_once_they_were_seen(engine: Engine, page: Page) -> None:
    engine.run(30)
    engine.say(
        Fault(code="high_rating", severity="warning", text="The participant answers: pain 8 of 10.", advice="Ask over the intercom."),
        Fault(code="journal_unwritable", severity="error", text="<b>The record</b> cannot be written.", advice="Free space."),
    )
    events = page.locator("#events .event")
    expect(events.first).to_contain_text("<b>The record</b> cannot be written.", timeout=15_000)  # as text, never as HTML
    expect(events.first).to_contain_text("Free space.")
    page.get_by_role("button", name="Errors").click()
    expect(page.locator("#events .event.warning")).to_be_hidden()
    expect(events.first).to_be_visible()
    page.keyboard.press("e")
    expect(events.first).to_have_class(re.compile("seen"))
    engine.say(Fault(code="moved", severity="error", text="Something new."))
    expect(events.first).not_to_have_class(re.compile("seen"))


def test_the_newest_picture_is_shown_and_enlarged(engine: Engine, page: Page, tmp_path: Path) -> None:
    from PIL import Image

    run = engine.run(30)
    folder = tmp_path / FIGURES
    folder.mkdir(parents=True)
    for what in ("regulate", "regulatePlanes"):
        Image.new("RGB", (960, 640), (200, 90, 20)).save(folder / f"sub-07_ses-01_task-nf_run-{run.run:02d}_desc-{what}_vol-00028.png")
    for what, name in (("regulate", "regulate"), ("regulate_planes", "regulatePlanes")):
        path = folder / f"sub-07_ses-01_task-nf_run-{run.run:02d}_desc-{name}_vol-00028.png"
        engine.say(Picture(index=28, what=what, path=str(path)))
    shown = page.locator(".enlarge img")
    expect(shown).to_be_visible(timeout=15_000)
    page.wait_for_function("document.querySelector('.enlarge img').naturalWidth === 960")
    expect(page.locator(".brain .age")).to_have_text("volume 29, 1 ago")
    mosaic = page.locator(".plot.mosaic img")
    expect(mosaic).to_be_hidden()
    page.set_viewport_size({"width": 1920, "height": 1080})
    expect(mosaic).to_have_attribute("src", re.compile("/picture/regulate[?]"))
    expect(mosaic).to_be_visible()
    page.get_by_role("button", name="mosaic").click()
    expect(shown).to_have_attribute("src", re.compile("/picture/regulate[?]"))
    page.locator(".enlarge").click()
    expect(page.locator("#dialog-brain")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog-brain")).to_be_hidden()


def test_a_late_page_is_whole_at_once(engine: Engine, browser: Browser, console: Console) -> None:
    engine.run(600)
    time.sleep(1.0)
    page = open_page(browser, console)
    expect(page.locator("dd", has_text="600 of 1200")).to_be_visible(timeout=15_000)
    expect(page.locator("#events .event")).not_to_have_count(0)
    page.close()
