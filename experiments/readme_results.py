"""Writes the results section of the README from the files of the experiments.

    python experiments/readme_results.py --results=results/mini
    python experiments/readme_results.py --check

The section stands between two comments; a README without one gets it before "Read on". `--check` writes nothing and
exits with 1 if the README is not what the files give.
"""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

from absl import flags

from experiments import report, scale
from experiments.experiment import METRICS, read_lines
from experiments.report import Section
from s3d_tf import cli
from s3d_tf.files import write_text

BEGIN = "<!-- Results: written by experiments/readme_results.py -->"
END = "<!-- End of results -->"
BEFORE = "## Read on"
TABLES = (  # whose first table is shown
    "table1_arrow_of_time",
    "table2_gating_kinetics",
    "table3_gating_something",
    "table4_flow",
    "table5_transfer",
    "table6_detection",
)
PICTURES = ("figure4_tradeoff",)


def updated(readme: str, section: str) -> str:
    """The README with this section instead of the one that it has, or before "Read on".

    Raises:
        ValueError: there is no place for it.
    """
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    whole = f"{BEGIN}\n{section.strip()}\n{END}"
    if between.search(readme):
        return between.sub(lambda _: whole, readme, count=1)
    before, head, after = readme.partition(BEFORE)
    if not head:
        raise ValueError(f'The README needs the comments of a results section, or "{BEFORE}". Received: neither')
    return f"{before}{whole}\n\n{head}{after}"


def section_of(results: Path, readme_dir: Path) -> str:
    """The section, Markdown.

    Args:
        results: holds a folder an experiment.
        readme_dir: from where it links to pictures.

    Raises:
        ValueError: nothing is there, or only a dry run.
    """
    sections, missing = report.read(results)
    if any(section.result["scale"]["dry_run"] for section in sections):
        raise ValueError(f"A dry run's numbers mean nothing. Received: {results}")
    here = Path(os.path.relpath(results, readme_dir)).as_posix()
    parts = ["## Results", _opening(sections, here)]
    if missing:
        parts.append(f"Not done yet: {', '.join(missing)}.")
    for section in sections:
        if section.name in TABLES:
            parts += [_head(section), _first_table(section.folder / "table.md")]
        if section.name in PICTURES:
            parts += [_head(section), f"![{section.result['title']}]({here}/{section.folder.name}/figure.svg)"]
    return "\n\n".join([*parts, _claims(sections)]) + "\n"


def _opening(sections: list[Section], here: str) -> str:
    name = sections[0].result["scale"]["name"]
    lines = [line for section in sections for line in read_lines(section.folder / METRICS)]
    trained = {line["part"]: line["seconds"] for line in lines if "seconds" in line}
    machines = [made["machine"] for section in sections for made in section.config.get("made", []) if made["machine"]]
    kinds = {(each["cpu"], each["cores"]) for each in machines}
    on = " ({}, cores: {})".format(*kinds.pop()) if len(kinds) == 1 else f" on {len(kinds)} machines" if kinds else ""
    text = (
        f"`python experiments/run_all.py --scale={name}` does the paper's Tables 1 to 6, Figures 4, 5 and 7, section "
        "4.6 and footnote 5 and makes "
        f"[a page]({here}/{report.FILE}) that explains them: {len(trained)} trainings, "
        f"{sum(trained.values()) / 60:.0f} minutes of training{on}. Accuracies are in per cent; ± is the standard "
        "deviation over seeds, in Table 5 over splits, and what has no ± was trained once."
    )
    if name == "mini":
        text += (
            " The videos are small ones that the project draws, the networks a quarter as wide: what is to be seen is "
            "whether the paper's mechanisms are there. They are not comparable with Kinetics results. Costs are those "
            f"at full size.{_earlier_recipe(sections)}"
        )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _earlier_recipe(sections: list[Section]) -> str:
    """Returns a sentence if classifiers were trained by another recipe than the experiments use now; otherwise ""."""
    now = scale.mini_recipe(10)
    scales = [section.config.get("scale", {}) for section in sections]
    for recipe in (recipe for each in scales for recipe in each.get("recipes", {}).values()):
        batch_size, rate = recipe["batch_size"], recipe["learning_rates"][0]
        if "crop" in recipe and (batch_size, rate) != (now.batch_size, now.learning_rates[0]):
            return (
                f" The classifiers were trained by an earlier recipe, with batches of {batch_size} at a learning rate "
                f"of {rate:g}; the present one ({now.batch_size}, {now.learning_rates[0]:g}) gives other numbers "
                "(docs/quickstart.md)."
            )
    return ""


def _head(section: Section) -> str:
    return f"**{section.result['title']}** (`{section.command}`)"


def _first_table(path: Path) -> str:
    blocks = re.split(r"\n\s*\n", path.read_text())
    return next(block.strip() for block in blocks if block.startswith("|"))


def _claims(sections: list[Section]) -> str:
    claims = [(section, claim) for section in sections for claim in section.result["claims"]]
    failed = [(section, claim) for section, claim in claims if not claim["holds"]]
    told = f"{len(claims) - len(failed)} of the {len(claims)} claims that the page holds against the numbers are so."
    if not failed:
        return told
    lines = [
        f"- {report.short(section)}: {claim['text']} Measured: {claim['measured']}. {claim['reason']}"
        for section, claim in failed
    ]
    return "\n".join([f"{told} These are not:", "", *lines])


def main(_) -> int:
    path, results = Path(flags.FLAGS.readme), Path(flags.FLAGS.results)
    before = path.read_text()
    after = updated(before, section_of(results, path.parent))
    if flags.FLAGS.check:
        if before != after:
            raise ValueError(f"Not what {results} gives; call this without --check. Received: {path}")
    elif before != after:
        write_text(path, after)
    print(f"{path}: {'current' if before == after else 'written'}")
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("results", "results/mini", "The folder that holds a folder an experiment.")
    flags.DEFINE_string("readme", "README.md", "Where the section goes.")
    flags.DEFINE_bool("check", False, "Only say whether it is current.")
    cli.run(main)
