"""The report of all experiments, one HTML page that needs nothing beside it, from their files alone.

    python experiments/report.py --results=results/mini

Reads RESULTS/NAME/{config.json,result.json,table.md,*.svg,*.png} and writes RESULTS/report.html.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from absl import flags

from experiments import contents, hypertext, report_words
from experiments.claims import About
from experiments.experiment import CONFIG, RESULT
from experiments.hypertext import text
from experiments.report_style import STYLE
from experiments.scale import MINI
from s3d_tf import cli
from s3d_tf.files import read_json, write_text

FILE = "report.html"


class Section(NamedTuple):
    """What the folder of one experiment holds."""

    folder: Path
    config: dict
    result: dict

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self.result["experiment"]

    @property
    def command(self) -> str:
        """That does the experiment anew."""
        scale = self.result["scale"]
        wanted = f"--scale={scale['name']}" + " --dry_run" * scale["dry_run"]
        return f"python experiments/{self.name}.py {wanted}"


def read(results: Path) -> tuple[list[Section], list[str]]:
    """The experiments that are there, in the order of `contents.NAMES`, and the names of those that are not done.

    Raises:
        ValueError: none is there.
    """
    found = {}
    for path in sorted(results.glob(f"*/{RESULT}")):
        found[path.parent.name] = Section(path.parent, read_json(path.with_name(CONFIG)), read_json(path))
    if not found:
        raise ValueError(f"No experiment has been done: no {RESULT} in the folders of it. Received: {results}")
    order = [name for name in contents.NAMES if name in found]
    order += [name for name in found if name not in order]
    return [found[name] for name in order], [name for name in contents.NAMES if name not in found]


def write(results: Path, failed: Collection[str] = ()) -> Path:
    """Writes the report beside the folders of the experiments.

    Args:
        results: holds a folder an experiment.
        failed: names of experiments that failed just now, so that what is there of them is older.

    Raises:
        ValueError: there is nothing to report.
    """
    path = results / FILE
    write_text(path, make(*read(results), failed))
    return path


def make(sections: list[Section], missing: list[str], failed: Collection[str] = ()) -> str:
    """The page.

    Args:
        sections: at least one.
        missing: names of experiments that are not done.
        failed: see `write`.
    """
    parts = [_opening(sections, missing, failed), _summary(sections), *map(_section, sections), _making(sections)]
    return hypertext.page(report_words.TITLE, STYLE, "\n".join(parts))


def _opening(sections: list[Section], missing: list[str], failed: Collection[str]) -> str:
    scale = sections[0].result["scale"]
    parts = [f"<h1>{text(report_words.TITLE)}</h1>", f'<p class="faint">{report_words.SUBTITLE}</p>']
    parts += [f"<p>{text(paragraph)}</p>" for paragraph in report_words.INTRODUCTION]
    parts.append(f"<p>{text(report_words.SCALES[scale['name']])}</p>")
    if scale["dry_run"]:
        parts.append(f'<p class="warning">{text(report_words.DRY_RUN)}</p>')
    if missing:
        parts.append(f'<p class="warning">Not done, so not here: {text(", ".join(missing))}.</p>')
    if older := [name for name in failed if name not in missing]:
        parts.append(f'<p class="warning">Failed when last run, so older: {text(", ".join(older))}.</p>')
    terms = "".join(f"<dt>{text(term)}</dt><dd>{text(meaning)}</dd>" for term, meaning in report_words.TERMS.items())
    return "\n".join([*parts, f"<details><summary>Words that the report uses</summary>\n<dl>{terms}</dl></details>"])


def _summary(sections: list[Section]) -> str:
    claims = [(section, claim) for section in sections for claim in section.result.get("claims", [])]
    rows = [
        [_verdict(claim), _link(section), text(claim["text"]), text(claim["measured"])] for section, claim in claims
    ]
    head = '<h2 id="claims">What should be seen, and was it?</h2>'
    if not rows:
        return f"{head}\n<p>Nothing is claimed here; a dry run makes no claims.</p>"
    held = sum(claim["holds"] for _, claim in claims)
    told = f"<p>{held} of {len(claims)} claims hold. Reasons for the others stand in their sections.</p>"
    return f"{head}\n{told}\n{hypertext.table(['', 'experiment', 'claim', 'measured'], rows, 'stack')}"


def _link(section: Section) -> str:
    return f'<a href="#{text(section.name)}">{text(short(section))}</a>'


def short(section: Section) -> str:
    """Table 1, of "Table 1: the arrow of time"."""
    return section.result["title"].partition(":")[0]


def _verdict(claim: dict) -> str:
    kind, word = ("holds", "holds") if claim["holds"] else ("fails", "does not hold")
    return f'<span class="verdict {kind}">{word}</span>'


def _section(section: Section) -> str:
    result, about = section.result, section.result.get("about", About()._asdict())
    parts = [f'<h2 id="{text(section.name)}">{text(result["title"])}</h2>']
    if about["question"]:
        parts.append(f"<p>{text(about['question'])}</p>")
    parts += [f"<figure>{picture}</figure>" for picture in _pictures(section)]
    table = section.folder / "table.md"
    if table.exists():
        parts.append(hypertext.markdown(table.read_text(encoding="utf-8", errors="replace")))
    if claims := result.get("claims"):
        parts.append(f'<h3>Claims</h3>\n<ul class="claims">{"".join(map(_claim, claims))}</ul>')
    says = result["scale"]["name"] == MINI and not result["scale"]["dry_run"]
    for key, head in (("shows", "What this shows"), ("leaves_open", "What it leaves open")):
        if says and about[key]:
            parts.append(f"<h3>{head}</h3>\n<p>{text(about[key])}</p>")
    parts.append(f"<pre><code>{text(section.command)}</code></pre>")
    return "\n".join(parts)


def _pictures(section: Section) -> list[str]:
    paths: dict[str, list[Path]] = {}
    for path in sorted(section.folder.iterdir()):
        if path.suffix in (".svg", ".png"):
            paths.setdefault(path.stem, []).append(path)
    return [hypertext.picture(same, section.result["title"]) for same in paths.values()]


def _claim(claim: dict) -> str:
    reason = f"<p>Why: {text(claim['reason'])}</p>" if claim["reason"] else ""
    told = f'<p>{_verdict(claim)} {text(claim["text"])}</p><p class="faint">Measured: {text(claim["measured"])}.</p>'
    return f"<li>{told}{reason}</li>"


def _making(sections: list[Section]) -> str:
    """Machines, versions, commits and times."""
    heads = ["experiment", "trainings", "seconds of training", "parts", "seconds, all told", "first and last, UTC"]
    heads += ["commit"]
    rows = [[text(cell) for cell in row] for section in sections for row in _made(section)]
    all_made = [made for section in sections for made in section.config.get("made", [])]
    machines, versions = ([made.get(key) for made in all_made] for key in ("machine", "versions"))
    parts = ['<h2 id="making">How it was made</h2>', f"<p>{text(report_words.MAKING)}</p>"]
    parts += [f"<p>Machine: {text(_machine(each))}.</p>" for each in _different(machines)]
    parts += [
        f"<p>Versions: {text(', '.join(f'{k} {v}' for k, v in each.items()))}.</p>" for each in _different(versions)
    ]
    parts.append(hypertext.table(heads, rows))
    given = _different([section.config.get("command") for section in sections])
    commands = "\n".join(f"python {shlex.join(each)}" for each in given)
    parts.append(f"<pre><code>{text(commands)}</code></pre>")
    return "\n".join(parts)


def _made(section: Section) -> list[list]:
    """A row a commit and machine; what is of the whole experiment stands in the first."""
    whole = [short(section), section.result["trainings"], section.result["training_seconds"]]
    rows = []
    for made in section.config.get("made") or [{}]:
        dates = " to ".join(_minute(made[key]) for key in ("first", "last") if made.get(key))
        row = [made.get("parts", ""), made.get("seconds") or "", dates, made.get("commit") or "not recorded"]
        rows.append([*(whole if not rows else [""] * len(whole)), *row])
    return rows


def _different(values: list) -> list:
    """Each value once, without None."""
    return [value for position, value in enumerate(values) if value is not None and value not in values[:position]]


def _machine(machine: dict) -> str:
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    return f"{machine['cpu']}, cores: {machine['cores']}, {machine['memory_gb']} GB of memory, {gpus}"


def _minute(date: str) -> str:
    return date[:16].replace("T", " ")


def main(_) -> None:
    print(write(Path(flags.FLAGS.results)))


if __name__ == "__main__":
    flags.DEFINE_string("results", "results/mini", "The folder that holds a folder an experiment.")
    cli.run(main)
