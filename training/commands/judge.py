"""The steps that measure and compare what was trained, as they are asked on the command line."""

import sys
from argparse import Namespace
from pathlib import Path

from mat_core.bundle import NETWORK, find_bundles, read_config, read_metrics, write_metrics
from mat_core.diagnoser import Diagnoser
from mat_core.errors import ConfigError
from mat_core.explain.side_by_side import same_detector
from mat_core.files import checksum
from mat_core.ham10000 import Dataset
from mat_core.named_cases import write_cases
from mat_core.places import DEFAULT
from mat_core.units import UNITS

from ..data.splits import hold_out
from ..presets import Plan
from ..results.rows import RESULTS
from ..steps import cases as casebook
from ..steps import evaluate as evaluation
from ..steps import explain as explanation
from ..steps import similarity as alike
from ..steps.backbone import with_model
from ..steps.baseline import baseline_row
from ..steps.features import recorded
from ..steps.report import DOCS, measure_rows, shipped, write_documents
from ..steps.rows import make_rows
from .asked import opened, vectors_of
from .options import PRESET


def evaluate(args: Namespace) -> None:
    """Of `measure_bundles`."""
    measure_bundles(opened(args), args.checkpoint, args.split, args.views, args.units, args.save)


def measure_bundles(
    data: Dataset, checkpoint: Path, split: str = "test", views: bool = False, units: bool = False, save: bool = False
) -> None:
    """Print the metrics of a bundle on a split, and keep them in its metrics.json where `save` says so.

    views: of the mean of eight views; units: of all bundles beside it, too. Raises ConfigError where these have
    another detector.
    """
    folders = [checkpoint]
    if units:
        folders += [folder for folder in find_bundles(checkpoint.parent) if folder != checkpoint]
    diagnosers = {folder: Diagnoser.from_pretrained(folder) for folder in folders}
    first = diagnosers[checkpoint].bundle
    for folder in folders[1:]:
        if not same_detector(first, diagnosers[folder].bundle):
            raise ConfigError(f"{folder} has another detector than {checkpoint}: evaluate it without --units.")
    name, cases = f"{split}_8_views" if views else split, data.of(split)
    answers = evaluation.answer_units(list(diagnosers.values()), cases, views)
    for (folder, diagnoser), these in zip(diagnosers.items(), answers, strict=True):
        # the mean of several views has no temperature of its own
        metrics = evaluation.bundle_metrics(cases, these, None if views else diagnoser.bundle.temperature)
        print(evaluation.as_lines(metrics, f"{folder.name}, {name}" if units else name))
        if save:
            before = diagnoser.bundle.metrics
            # by steps of their own, of the same weights
            kept = {step: found for step, found in before.get(name, {}).items() if step in ("explain", "similarity")}
            write_metrics(folder, {**before, name: metrics | kept})


def explain(args: Namespace) -> None:
    """Of `explain_split`; each case is noted in --runs when it is done."""
    data = opened(args)
    diagnoser = Diagnoser.from_pretrained(args.checkpoint)
    _check_measured(args)
    asked = {"split": args.split, "seed": args.seed, "sha256": read_config(args.checkpoint)["sha256"]}
    notes = explanation.Notes(args.runs / f"explain-{args.checkpoint.resolve().name}-{args.split}.jsonl", asked)
    found = explanation.explain_split(diagnoser, data.of(args.split), args.limit, args.seed, notes)
    print(explanation.as_lines(found, args.split))
    _save(args, "explain", found)


def similarity(args: Namespace) -> None:
    """Of `similarity_split`: the bundle, and one of every other unit beside it with its detector and its fields."""
    data = opened(args)
    own = Diagnoser.from_pretrained(args.checkpoint)
    _check_measured(args)
    diagnosers = {own.bundle.network.config.unit: own}
    for folder in find_bundles(args.checkpoint.parent):
        other = Diagnoser.from_pretrained(folder)
        if other.bundle.fields == own.bundle.fields and same_detector(own.bundle, other.bundle):
            diagnosers.setdefault(other.bundle.network.config.unit, other)
    units = {unit: diagnosers[unit] for unit in UNITS if unit in diagnosers}
    found = alike.similarity_split(units, data.of(args.split), args.limit, args.seed)
    print(alike.as_lines(found, args.split))
    _save(args, "similarity", found)


def _check_measured(args: Namespace) -> None:
    """Before the long work: who reads a split's metrics expects those of `evaluate` too."""
    if args.save and args.split not in read_metrics(args.checkpoint):
        raise ConfigError(f"The bundle has no metrics of {args.split} yet: run evaluate --split {args.split} --save.")


def _save(args: Namespace, step: str, found: dict) -> None:
    """Keep what a step found beside the other metrics of the split, as they are by now."""
    if args.save:
        metrics = read_metrics(args.checkpoint)
        write_metrics(args.checkpoint, {**metrics, args.split: {**metrics[args.split], step: found}})


def baseline(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `baseline_row`."""
    model = args.model or plan.backbone.name
    # the plan's own backbone is such a classifier already
    run = args.runs / ("backbone" if model == plan.backbone.name else f"baseline-{model}")
    learnt, _ = hold_out(data, plan.features.held_out)
    settings = with_model(plan.backbone, model)
    other = "" if args.preset == PRESET.settings["default"] else args.preset
    print("baseline:", baseline_row(data, learnt, run, settings, args.results, args.backbone_weights, other))


def rows(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `make_rows`; features of another detector have no plain one to compare with."""
    vectors, made = vectors_of(args), recorded(args.runs / "features")
    ours = made is None or made["kind"] == "torchvision"
    make_rows(
        data, args.runs, args.runs / "features", plan.features, plan.mat, args.results, plan.rows, vectors,
        plan.detector if ours else None,
    )  # fmt: skip


def report(args: Namespace) -> None:
    """Of `measure_rows` and `write_documents`; other results than the project's have their documents beside them."""
    data = opened(args)
    documents = shipped(args.checkpoint.parent)
    tables = measure_rows(data, args.results, Diagnoser.from_pretrained(args.checkpoint.parent / DEFAULT.name))
    docs, card = (DOCS, DOCS.parent) if args.results == RESULTS else (args.results.parent,) * 2
    write_documents(tables, *documents, docs, card / "MODEL_CARD.md")
    print(f"report: {docs / 'RESULTS.md'}, {card / 'MODEL_CARD.md'}")


def cases(args: Namespace) -> None:
    """Of `cases.choose`: the answers are those of the bundle, and of a leaking one beside it where there is one."""
    data, diagnoser = opened(args), Diagnoser.from_pretrained(args.checkpoint)
    beside = (Diagnoser.from_pretrained(f) for f in find_bundles(args.checkpoint.parent) if f != args.checkpoint)
    told = (d for d in beside if "dx_type" in d.bundle.fields and same_detector(diagnoser.bundle, d.bundle))
    leaking = next(told, None)
    if leaking is None:
        print(f"No bundle beside {args.checkpoint} was told dx_type: no case is chosen for that word.", file=sys.stderr)
    chosen = casebook.choose(casebook.answered(diagnoser, leaking, data.of("test")), args.count)
    model = {"name": diagnoser.bundle.name, "weights": checksum(args.checkpoint / NETWORK)}
    write_cases(chosen, model, args.output)
    print(casebook.as_lines(chosen))
    print(f"cases: {args.output}")
