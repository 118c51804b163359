"""The report and the README's section: from the files alone, whole in themselves, and nothing in them runs."""

import json
import re
from html.parser import HTMLParser

import pytest

from experiments import experiment, figure4_tradeoff, hypertext, readme_results, report, table1_arrow_of_time
from s3d_tf.files import write_json
from tests.experiments.test_drawing import line, write_lines

HOSTILE = '<script>alert("x")</script> & <img src=x onerror=alert(1)>'
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags in the order of their ends, with attributes, and the text."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Table 1, of which one claim does not hold; Figure 4; and a folder that says what nobody should say."""
    folder = tmp_path_factory.mktemp("results")
    titles = dict(appearance="looks", motion="moves")
    for each in (table1_arrow_of_time, figure4_tradeoff):
        (folder / each.EXPERIMENT.name).mkdir()
    backwards = dict(top1=0.3, top5=1.0, chance=0.25)
    lines = [
        line(data, network, seed, 0.3, backwards=backwards)
        for data in titles
        for network in ("i3d", "i2d")
        for seed in (0, 1)
    ]
    write(folder, table1_arrow_of_time.EXPERIMENT, lines, titles)
    names = [figure4_tradeoff.network(f, k) for f in figure4_tradeoff.FAMILIES for k in (0, 3, 5, 7, 9, 11)]
    lines = [line("motion", name, 0, 0.5) for name in dict.fromkeys(names)]
    write(folder, figure4_tradeoff.EXPERIMENT, lines, titles)
    (folder / "hostile").mkdir()
    claim = dict(text=HOSTILE, measured=HOSTILE, holds=False, reason=HOSTILE)
    about = dict(question=HOSTILE, shows=HOSTILE, leaves_open="")
    said = dict(experiment="hostile", title=HOSTILE, scale=dict(name="mini", dry_run=False), about=about)
    write_json(folder / "hostile" / "result.json", said | dict(claims=[claim], trainings=1, training_seconds=HOSTILE))
    machine = dict(cpu=HOSTILE, cores=2, memory_gb=8, gpus=[HOSTILE])
    made = dict(commit=HOSTILE, machine=machine, versions={HOSTILE: HOSTILE}, first=HOSTILE, last=HOSTILE)
    write_json(folder / "hostile" / "config.json", dict(command=[HOSTILE], made=[made]))
    table = f"| a | b |\n| --- | ---: |\n| {HOSTILE} |"
    (folder / "hostile" / "table.md").write_text(f"# {HOSTILE}\n\n{table}\n\n{HOSTILE}\n")
    (folder / "hostile" / "metrics.jsonl").write_text("")
    return folder


def write(results, about, lines, titles):
    folder = results / about.name
    write_lines(folder, lines, titles)
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | dict(experiment=about.name, title=about.title))
    experiment.finish(about, folder)


@pytest.fixture(scope="module")
def page(results):
    return Page(report.write(results).read_text())


def test_the_page_is_whole_in_itself(page):
    assert page.open == []
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object"} & set(tags) and tags.count("html") == 1
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert len(sources) == 1 and sources[0].startswith("data:image/svg+xml;base64,")
    links = [attributes["href"] for tag, attributes in page.tags if "href" in attributes]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    assert [link for link in links if not link.startswith("#")] == ["https://arxiv.org/abs/1712.04851"]
    assert not re.search(r"url\(|@import", report.STYLE)


def test_every_experiment_and_claim_is_there(page, results):
    heads = [attributes["id"] for tag, attributes in page.tags if tag == "h2"]
    assert heads == ["claims", "table1_arrow_of_time", "figure4_tradeoff", "hostile", "making"]
    assert {"Table 1: the arrow of time", "Figure 4: accuracy against multiply-adds"} <= set(page.text.splitlines())
    sections, missing = report.read(results)
    claims = [claim for section in sections for claim in section.result["claims"]]
    assert len(claims) == 4 + 5 + 1
    assert all(page.text.count(claim["text"]) >= 2 and claim["measured"] in page.text for claim in claims)
    assert f"{sum(claim['holds'] for claim in claims)} of 10 claims hold" in page.text
    assert f"Not done, so not here: {', '.join(missing)}." in page.text and "footnote5_branches" in missing
    assert "python experiments/table1_arrow_of_time.py --scale=mini" in page.text
    assert "45.8" in page.text and "30.0 ± 0.0" in page.text  # the paper's beside ours


def test_text_stays_text(page, results):
    assert not [tag for tag, attributes in page.tags if tag == "script" or "onerror" in attributes]
    assert HOSTILE not in (results / "report.html").read_text()
    assert (
        page.text.count(HOSTILE) >= 10  # title, table, paragraph, claim, machine, commit, command
    )  # title, question, table, paragraph, claim, machine, versions, commit, command


def test_a_dry_run_says_that_it_is_one(results, tmp_path):
    sections, _ = report.read(results)
    section = sections[0]
    scale = section.result["scale"] | dict(dry_run=True)
    dry = section._replace(result=section.result | dict(scale=scale, claims=[]))
    text = Page(report.make([dry], [])).text
    assert "A dry run: " in text and "makes no claims" in text and "--scale=mini --dry_run" in text


def test_without_results_there_is_no_report(tmp_path):
    with pytest.raises(ValueError, match=f"No experiment has been done.*Received: {tmp_path}"):
        report.write(tmp_path)


def test_our_markdown():
    source = "# Left out\n\n| a | b |\n| --- | ---: |\n| x | 1.0 ± 0.2 |\n| **y** | – |\n"
    source += "\nOne `code`\nline.\n\n| no table |\n"
    table, paragraph, other = hypertext.markdown(source).split("\n<p>")
    assert re.sub(r"\s*</?(div|table|thead|tbody)[^>]*>\s*", "", table).splitlines() == [
        '<tr><th>a</th><th class="number">b</th></tr><tr><td>x</td><td class="number">1.0 ± 0.2</td></tr>',
        '<tr><td><strong>y</strong></td><td class="number">–</td></tr>',
    ]
    assert (paragraph, other) == ("One <code>code</code> line.</p>", "| no table |</p>")


def test_a_long_table_is_folded():
    rows = "".join(f"| {number} |\n" for number in range(hypertext.LONGEST))
    short = hypertext.markdown(f"| top-1 |\n| --- |\n{rows}")
    folded = hypertext.markdown(f"| top-1 |\n| --- |\n{rows}| 16 |\n")
    assert short.startswith("<div") and ">top\N{NON-BREAKING HYPHEN}1</th>" in short
    assert folded.startswith("<details><summary>Table of 17 rows</summary><div")


def test_a_large_svg_gives_way_to_the_png(tmp_path):
    (tmp_path / "figure.svg").write_bytes(b"<" * (hypertext.LARGEST_SVG + 1))
    (tmp_path / "figure.png").write_bytes(b"\x89PNG")
    assert 'src="data:image/png;base64,iVBORw=="' in hypertext.picture(sorted(tmp_path.iterdir()), "a")


def test_the_readmes_section_is_written_once(results):
    section = readme_results.section_of(results, results.parent)
    before = "# A\n\ntext \\1\n\n## Read on\n\nmore\n"
    after = readme_results.updated(before, section)
    assert after == readme_results.updated(after, section)
    assert after.replace(after[after.index(readme_results.BEGIN) : after.index("## Read on")], "") == before
    assert "| I3D | moves | 30.0 ± 0.0 | 30.0 ± 0.0 | 25.0 | Something-something | 45.8 | 15.2 |" in after
    assert f"]({results.name}/figure4_tradeoff/figure.svg)" in after
    assert "- Table 1: Moves: I3D has at least 90 % forwards" in after
    changed = readme_results.updated(after, section.replace("| 45.8 |", r"| \1 |"))
    assert changed == after.replace("| 45.8 |", r"| \1 |") != after
    with pytest.raises(ValueError, match="Received: neither"):
        readme_results.updated("# A\n", section)


def test_check_says_whether_the_readme_is_current(run_script, results, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# A\n\n## Read on\n")
    call = ["../experiments/readme_results.py", f"--results={results}", f"--readme={readme}"]
    stale = run_script(*call, "--check")
    assert stale.returncode == 1 and stale.stderr.strip().splitlines()[-1].endswith(f"Received: {readme}")
    assert readme.read_text() == "# A\n\n## Read on\n"
    assert run_script(*call).returncode == 0
    assert run_script(*call, "--check").stdout == f"{readme}: current\n"


def test_results_of_an_earlier_recipe_are_told_as_such(tmp_path):
    def section(batch_size, rate, **fields):
        recipe = dict(batch_size=batch_size, learning_rates=[rate, rate / 10], **fields)
        return report.Section(tmp_path, dict(scale=dict(recipes=dict(motion=recipe))), {})

    assert readme_results._earlier_recipe([section(32, 0.025, crop=32), section(8, 0.03)]) == ""  # a detector's last
    told = readme_results._earlier_recipe([section(16, 0.1, crop=32)])
    assert "with batches of 16 at a learning rate of 0.1; the present one (32, 0.025)" in told
