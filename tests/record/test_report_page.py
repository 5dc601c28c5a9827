"""The report: one readable, safe page of any run, and nothing on it that a blind run keeps sealed."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from record_makers import ENTITIES, GRID, enveloped
from report_makers import a_record, a_run, around, confirmed, run_start, run_stop, volumes

from rtfmri.errors import StudyError
from rtfmri.messages import VolumeMessage
from rtfmri.record.layout import RunPaths
from rtfmri.record.outputs import finish_report
from rtfmri.record.physio import PhysioRecord, write_physio
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.report.facts import Facts, Images
from rtfmri.record.report.page import BANNER, page_of
from rtfmri.record.report.pictures import regions
from rtfmri.record.report.reading import facts_of
from rtfmri.record.report.style import DARK, LIGHT
from rtfmri.record.report.writing import write_report

VOID = {"meta", "br", "img", "path", "rect", "circle", "image"}


class Page(HTMLParser):
    """What the tests ask of a page; raises where its tags do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.tables = self.captions = 0
        self.unnamed: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.outside += [v for k, v in attrs if k in ("src", "href", "srcset", "data") and not v.startswith(("#", "data:"))]
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if found.get("role") == "img" and not ("aria-label" in found or "aria-labelledby" in found):
            self.unnamed.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def page(envelopes, **fields) -> str:
    return page_of(Facts(ENTITIES, envelopes, **fields))


def section(html: str, key: str) -> str:
    return html.partition(f'id="{key}-h"')[2].partition("</section>")[0]


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> RunPaths:
    return a_record(tmp_path_factory.mktemp("record"), a_run())


@pytest.fixture(scope="module")
def html(record) -> str:
    return write_report(RecordedRun.open(record.journal)).read_text(encoding="utf-8")


def test_the_page_lies_beside_the_journal_under_the_runs_name(record, html):
    assert record.report.name == "sub-07_ses-02_task-selfcompassion_run-03_report.html"
    assert record.report.parent == record.journal.parent
    assert html.startswith("<!doctype html>")


def test_the_page_nests_names_its_figures_and_captions_its_tables(html):
    found = Page(html)
    assert found.unnamed == []
    assert found.tables == found.captions > 5
    assert len(set(found.ids)) == len(found.ids)
    assert {link[1:] for link in found.links} <= set(found.ids)
    levels = [level for level, _ in found.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_nothing_is_loaded_from_outside_and_no_script_runs(html):
    assert Page(html).outside == []
    assert "<script" not in html
    assert re.findall(r"https?://", html.replace("http://www.w3.org/2000/svg", "")) == []
    assert "default-src 'none'" in html


def test_the_banner_and_provisional_regions_are_told(html):
    assert BANNER == "Research use only. Not a medical device. Not for diagnosis or treatment."
    assert html.count(BANNER) >= 2
    assert "Provisional regions: tpj" in html
    assert '<span class="prov">provisional</span>' in section(html, "regions")
    assert "tpj (provisional)" in section(html, "course")


def test_what_people_wrote_is_escaped(html):
    assert "cough &lt;b&gt;&amp; sneeze&lt;/b&gt;" in html
    assert "<b>" not in html


def test_ratings_pauses_faults_and_the_display_are_told(html):
    assert ">n/a<" in section(html, "ratings")
    assert "marked an event: cough" in section(html, "marks")
    assert "No volume for 3 s. Is the scanner still running?" in section(html, "faults")
    assert "1:10" in section(html, "faults")  # the fault of volume 70
    assert "dropped 3 (0.03%)" in section(html, "display")
    assert "to the glass" in section(html, "latency")


def test_the_same_record_gives_the_same_bytes(record, html, tmp_path):
    again = write_report(RecordedRun.open(record.journal), tmp_path)
    assert again.read_text(encoding="utf-8") == html


ANY_RUN = {
    "an empty journal": (),
    "only armed": enveloped([run_start()]),
    "no volumes": enveloped([run_start(), run_stop(exit_status="silent", reason="no volume came")]),
    "dummies only": enveloped([run_start(), confirmed(), *volumes()[:8]]),
    "cut off": enveloped([run_start(), confirmed(), *volumes()[:150]]),
    "failed": enveloped([run_start(), confirmed(), *volumes()[:150], *around(), run_stop(exit_status="failed", reason="the disk failed")]),
    "no feedback": enveloped([run_start(run_kind="no_feedback"), confirmed(), *volumes(), run_stop()]),
    "one region": a_run(names=("tpj",)),
    "eight regions": a_run(names=tuple("abcdefgh")),
    "a z-score": a_run(measure="z", unit="z"),
    "a correlation": a_run(measure="correlation", unit="r"),
    "blind": a_run(blind=True),
    "without a TR in the study": enveloped([run_start(tr_s=None, planned_volumes=None)]),
}


@pytest.mark.parametrize("envelopes", ANY_RUN.values(), ids=ANY_RUN.keys())
def test_every_run_has_a_sound_page(envelopes):
    found = page(envelopes)
    assert Page(found).captions == Page(found).tables
    assert BANNER in found
    assert ">nan<" not in found.lower()
    assert ENTITIES.label in found


def test_a_record_of_which_only_the_journal_is_left_is_reported_with_what_is_missing(tmp_path):
    paths = a_record(tmp_path, a_run())
    for path in paths.folder.iterdir():
        if path != paths.journal:
            path.unlink()
    html = write_report(RecordedRun.open(paths.journal)).read_text(encoding="utf-8")
    assert "desc-resolved_study.json is not in the record" in html
    assert "The settings could not be read" in html


def test_a_blind_page_tells_no_value_region_or_map(tmp_path):
    paths = a_record(tmp_path, a_run(blind=True))
    facts = facts_of(RecordedRun.open(paths.journal))
    html = page_of(facts)
    assert facts.images is None
    assert facts.maps == ()
    assert "data:image/png" not in html
    for key, word in (("regulation", "Sealed"), ("regions", "Not shown"), ("maps", "Sealed")):
        assert word in section(html, key)
    assert "% signal change" not in section(html, "course")
    assert "Head motion" in html


def test_blind_runs_of_other_conditions_have_the_same_page_but_for_what_was_shown():
    def boxed(box):
        changed = [m.model_copy(update={"sealed": box}) if isinstance(m, VolumeMessage) else m for m in volumes(blind=True)]
        return page(enveloped([run_start(blind=True), confirmed(), *changed, *around(), run_stop()]))

    assert boxed("one condition") == boxed("another condition")


def test_an_unblinded_page_needs_the_opened_table(tmp_path):
    paths = a_record(tmp_path, a_run(blind=True))
    run = RecordedRun.open(paths.journal)
    with pytest.raises(StudyError, match="was not unblinded"):
        write_report(run, unblinded=True)
    head = ["number", "tpj_raw", "tpj_cleaned", "tpj_psc", "tpj_se", "regulation", "regulation_se", "value", "value_se"]
    rows = [[n + 1, 800, 799, 0.5, 0.1, 0.4, 0.1, 0.4, 0.1] for n in range(100)]
    lines = ["\t".join(map(str, row)) for row in ([*head, "score", "score_se", "score_block"], *([*row, 0.7, 0.1, 2] for row in rows))]
    table = paths.derived("desc-nfUnblinded_timeseries.tsv")
    table.write_text("\n".join(lines) + "\n")
    table.with_suffix(".json").write_text('{"ControlCondition": "yoked"}')
    written = write_report(run, unblinded=True)
    html = written.read_text(encoding="utf-8")
    assert written.name.endswith("_desc-unblinded_report.html")
    assert "its condition is yoked" in html
    assert "+0.70" in section(html, "regulation")


def test_the_checklist_has_every_item_and_fills_those_that_a_record_can(html):
    items = re.findall(r'<div class="(item(?: filled)?)"><h4>(\w+) ', section(html, "crednf"))
    assert len(items) == 23
    assert [key for kind, key in items if "filled" in kind] == ["3d", "3e", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    assert "awaa009" in html


def test_the_methods_say_what_the_study_says(tmp_path):
    signal = {"nuisance": ["drift", "motion6", "motion_squares"], "smooth_volumes": 1}
    paths = a_record(tmp_path, a_run(), signal=signal, display={"feedback": "continuous"}, quality={"fd_hold_mm": 0.3})
    text = section(page_of(facts_of(RecordedRun.open(paths.journal))), "crednf")
    for words in ("their squares", "not smoothed over time", "above 0.3 mm", "It was continuous", "0.5 × dlpfc − 0.5 × tpj"):
        assert words in text


@pytest.mark.parametrize("kind", ["localizer", "no_feedback", "transfer"])
def test_a_run_without_feedback_never_says_that_something_was_shown(tmp_path, kind):
    paths = a_record(tmp_path, enveloped([run_start(run_kind=kind), confirmed(), *volumes(), run_stop()]))
    text = section(page_of(facts_of(RecordedRun.open(paths.journal))), "crednf")
    assert "nothing was fed back" in text
    assert "In this run no value was shown." in text
    assert "Feedback was visual" not in text


def test_settings_that_differ_from_the_default_stand_first(html):
    own, _, same = section(html, "settings").partition("by default")
    assert "roi[tpj].weight" in own
    assert "quality.fd_hold_mm" not in own
    assert "quality.fd_hold_mm" in same


def test_a_region_on_the_participants_right_is_drawn_on_the_left():
    reference, mask = np.full((21, 15, 9), 100, np.float32), np.zeros((21, 15, 9), np.float32)
    mask[17:19, 7, 4] = 1.0
    for flip, affine in ((1, np.diag([3.0, 3.0, 3.0, 1.0])), (-1, np.diag([-3.0, 3.0, 3.0, 1.0]))):
        grid = GRID.__class__((21, 15, 9), affine)
        facts = Facts(ENTITIES, a_run(), images=Images(reference, grid, {"tpj": mask if flip == 1 else mask[::-1]}))
        axial = regions(facts).html.split("<svg ")[3]
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', axial)[1])
        edges = [float(x) for x in re.findall(r"M([\d.]+) [\d.]+[hv]", axial)]
        assert "axial plane" in axial
        assert max(edges) < width / 2


def test_breathing_is_counted_by_condition(tmp_path):
    paths = a_record(tmp_path, a_run(), physiology={})
    t = np.arange(0, 224, 1 / 50)
    regulating = ((t >= 38) & (t < 78)) | ((t >= 131) & (t < 171))
    phase = np.cumsum(np.where(regulating, 0.15, 0.25)) / 50
    paths.raw_folder.mkdir(parents=True, exist_ok=True)
    write_physio(paths.physio, PhysioRecord(50.0, 0.0, ("respiratory",), np.sin(2 * np.pi * phase)[:, None]))
    text = section(page_of(facts_of(RecordedRun.open(paths.journal))), "physiology")
    found = {
        name: float(rate) for name, rate in re.findall(r"<th scope=row>([\w ]+)</th><td class=\"n\">\d+</td><td class=\"n\">([\d.]+)", text)
    }
    assert found["self compassion"] == pytest.approx(9.0, abs=1.0)
    assert found["rest"] == pytest.approx(15.0, abs=1.0)
    assert "no proof of a change of neural activity" in text


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path):
    paths = a_record(tmp_path, a_run())
    paths.report.mkdir()
    said = finish_report(paths)
    assert said.startswith("The report ")
    assert "cannot be written" in said
    assert "\n" not in said


def contrast(first: str, second: str) -> float:
    """WCAG 2.2's ratio of two colours, #rrggbb."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_have_the_contrast_of_wcag_aa(theme):
    for ground in ("ground", "raised", "shade"):
        assert min(contrast(theme[name], theme[ground]) for name in ("ink", "faint", "link", "good", "caution", "poor")) >= 4.5
        assert min(contrast(theme[f"s{k}"], theme[ground]) for k in range(6)) >= 3.0
