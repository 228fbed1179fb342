"""The steps of the command line, one function each."""

import json
import sys
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path

from mat_core.data.ham10000 import Dataset, read_dataset
from mat_core.data.image_quality import LIMITS_FILE
from mat_core.errors import ConfigError
from mat_core.explain.model_comparison import same_detector
from mat_core.inference.bundle import (
    DETECTOR,
    NETWORK,
    find_bundles,
    load_bundle,
    read_config,
    read_metrics,
    save_case_index,
    write_metrics,
)
from mat_core.inference.diagnoser import Diagnoser
from mat_core.models.transformer import UNITS
from mat_core.utils.files import sha256_of
from mat_core.utils.paths import DEFAULT
from teaching.cases.catalog import write_cases

from ..data.glove import WordVectors
from ..data.sampling import split_held_out
from ..presets import PRESETS, Plan
from ..results.runs import RESULTS
from ..steps import benchmark as speed_step
from ..steps import convert_detectron2 as convert_step
from ..steps import explain as explain_step
from ..steps import push_to_hub as push_step
from ..steps import quality as quality_step
from ..steps import select_cases as cases_step
from ..steps import similar_cases as similar_step
from ..steps import token_similarity as similarity_step
from ..steps.backbone import train_backbone, with_model
from ..steps.baseline import baseline_row
from ..steps.bundle import make_bundle
from ..steps.detector import train_detector, trained_detector
from ..steps.evaluate import evaluate_bundles
from ..steps.experiments import run_experiments
from ..steps.mat import train_mat
from ..steps.region_features import cache_features, recorded
from ..steps.report import DOCS, measure_rows, shipped, write_documents
from ..steps.split import make_split
from .arguments import bundle_detector, other_detector, read_data, read_plan, row_of, word_vectors

Prepared = tuple[Plan, Dataset]


def split(args: Namespace) -> None:
    """Write a new split."""
    print(make_split(read_dataset(args.data, None).cases, args.split_file, seed=args.seed))


def backbone(args: Namespace, prepared: Prepared | None = None) -> None:
    """Train the backbone without the held-out cases."""
    plan, data = prepared or _prepare(args)
    seen, _ = split_held_out(data, plan.features.held_out)
    print("backbone:", train_backbone(seen, args.runs / "backbone", plan.backbone, args.backbone_weights))


def detector(args: Namespace, prepared: Prepared | None = None) -> None:
    """Train the detector without the held-out cases."""
    plan, data = prepared or _prepare(args)
    seen, _ = split_held_out(data, plan.features.held_out)
    weights = args.runs / "backbone" / "best.safetensors"
    print("detector:", train_detector(seen, args.runs / "detector", weights, plan.detector))


def features(args: Namespace, prepared: Prepared | None = None) -> None:
    """Cache the regions of all images."""
    plan, data = prepared or _prepare(args)
    source = other_detector(args, plan) or trained_detector(args.runs / "detector", plan.detector.config)
    cache_features(data, args.runs / "features", source, plan.features)
    print("features: complete")


def mat(args: Namespace, prepared: Prepared | None = None, vectors: WordVectors | None = None) -> None:
    """Train the network of one row."""
    plan, data = prepared or _prepare(args)
    name, settings = row_of(args, plan)
    run, features_run = args.runs / str(name), args.runs / "features"
    print(f"{name}:", train_mat(data, run, features_run, plan.features, settings, vectors or word_vectors(args)))


def bundle(args: Namespace, prepared: Prepared | None = None) -> None:
    """Write the bundle of one row's network."""
    plan, data = prepared or _prepare(args)
    name, settings = row_of(args, plan)
    source = bundle_detector(args, plan)
    used = json.loads(json.dumps(asdict(replace(plan, mat=settings))))
    if source.kind != "torchvision":  # it was trained elsewhere
        del used["backbone"], used["detector"]
    written = make_bundle(
        data, args.runs / str(name), args.runs / "features", plan.features, settings, source, args.checkpoint,
        args.split_file, {"preset": args.preset, "plan": used}, args.beside,
    )  # fmt: skip
    if not args.beside:  # an index of cases belongs to one network: only the main bundle has one
        saved = load_bundle(args.checkpoint)  # its weights are rounded
        save_case_index(similar_step.make_index(data, saved, args.checkpoint, _similar_run(args)), args.checkpoint)
    print(f"bundle: {args.checkpoint}, temperature {written.temperature:.3f} from val")


def all_steps(args: Namespace) -> None:
    """Every step from the backbone to the measured bundle; another detector needs no training here."""
    prepared = _prepare(args)
    # report invalid options before hours of training
    own_detector, vectors = other_detector(args, prepared[0]) is None, word_vectors(args)
    if own_detector:
        backbone(args, prepared)
        detector(args, prepared)
    features(args, prepared)
    mat(args, prepared, vectors)
    bundle(args, prepared)
    evaluate_bundles(prepared[1], args.checkpoint, save=True)


def evaluate(args: Namespace) -> None:
    """Print, and save, the metrics of bundles."""
    evaluate_bundles(read_data(args), args.checkpoint, args.split, args.views, args.units, args.save)


def explain(args: Namespace) -> None:
    """Compare rankings of regions; each finished case is recorded in --runs."""
    data = read_data(args)
    diagnoser = Diagnoser.from_pretrained(args.checkpoint)
    _check_measured(args)
    settings = {"split": args.split, "seed": args.seed, "sha256": read_config(args.checkpoint)["sha256"]}
    file = args.runs / f"explain-{args.checkpoint.resolve().name}-{args.split}.jsonl"
    notes = explain_step.Notes(file, settings)
    metrics = explain_step.explain_split(diagnoser, data.of(args.split), args.limit, args.seed, notes)
    print(explain_step.as_lines(metrics, args.split))
    _save(args, "explain", metrics)


def similarity(args: Namespace) -> None:
    """Measure the bundle, and one of every other unit beside it with its detector and its fields."""
    data = read_data(args)
    diagnoser = Diagnoser.from_pretrained(args.checkpoint)
    _check_measured(args)
    diagnosers = {diagnoser.bundle.network.config.unit: diagnoser}
    for folder in find_bundles(args.checkpoint.parent):
        other = Diagnoser.from_pretrained(folder)
        if other.bundle.fields == diagnoser.bundle.fields and same_detector(diagnoser.bundle, other.bundle):
            diagnosers.setdefault(other.bundle.network.config.unit, other)
    units = {unit: diagnosers[unit] for unit in UNITS if unit in diagnosers}
    metrics = similarity_step.similarity_split(units, data.of(args.split), args.limit, args.seed)
    print(similarity_step.as_lines(metrics, args.split))
    _save(args, "similarity", metrics)


def similar_cases(args: Namespace) -> None:
    """Make the index of training lesions of a bundle and measure it; --save writes both."""
    data, bundle, run = read_data(args), load_bundle(args.checkpoint), _similar_run(args)
    _check_measured(args)
    bundle.case_index = similar_step.make_index(data, bundle, args.checkpoint, run)
    metrics = similar_step.measure_index(data, bundle, args.checkpoint, run, args.split)
    print(similar_step.as_lines(metrics, args.split))
    if args.save:
        save_case_index(bundle.case_index, args.checkpoint)
    _save(args, "similar_cases", metrics)


def quality(args: Namespace) -> None:
    """Write the limits of the photograph check and how often it warns."""
    print(
        quality_step.as_lines(
            quality_step.write_quality(read_data(args), args.split, args.output or LIMITS_FILE, args.results)
        )
    )


def cases(args: Namespace) -> None:
    """Write the named cases, by the answers of the bundle and of a leaking one beside it if there is one."""
    data, diagnoser = read_data(args), Diagnoser.from_pretrained(args.checkpoint)
    beside = (Diagnoser.from_pretrained(f) for f in find_bundles(args.checkpoint.parent) if f != args.checkpoint)
    leaking = (d for d in beside if "dx_type" in d.bundle.fields and same_detector(diagnoser.bundle, d.bundle))
    leaking = next(leaking, None)
    if leaking is None:
        print(f"No bundle beside {args.checkpoint} reads dx_type: no case is chosen for that word.", file=sys.stderr)
    chosen = cases_step.choose(cases_step.answered(diagnoser, leaking, data.of("test")), args.count)
    model = {"name": diagnoser.bundle.name, "weights": sha256_of(args.checkpoint / NETWORK)}
    write_cases(chosen, model, args.output)
    print(cases_step.as_lines(chosen))
    print(f"cases: {args.output}")


def baseline(args: Namespace) -> None:
    """Train a classifier and write its rows."""
    plan, data = read_plan(args), read_data(args)
    model = args.model or plan.backbone.name
    # the plan's own backbone is such a classifier already
    run = args.runs / ("backbone" if model == plan.backbone.name else f"baseline-{model}")
    seen, _ = split_held_out(data, plan.features.held_out)
    settings = with_model(plan.backbone, model)
    other = "" if args.preset == "two-cores" else args.preset
    print("baseline:", baseline_row(data, seen, run, settings, args.results, args.backbone_weights, other))


def rows(args: Namespace) -> None:
    """Train the rows; features of another detector have no plain one to compare with."""
    plan, data = read_plan(args), read_data(args)
    vectors, record = word_vectors(args), recorded(args.runs / "features")
    torchvision = record is None or record["kind"] == "torchvision"
    run_experiments(
        data, args.runs, args.runs / "features", plan.features, plan.mat, args.results, plan.rows, vectors,
        plan.detector if torchvision else None,
    )  # fmt: skip


def report(args: Namespace) -> None:
    """Write the documents; other results than the project's have theirs beside them."""
    data = read_data(args)
    documents = shipped(args.checkpoint.parent)
    tables = measure_rows(data, args.results, Diagnoser.from_pretrained(args.checkpoint.parent / DEFAULT.name))
    docs, card = (DOCS, DOCS.parent) if args.results == RESULTS else (args.results.parent,) * 2
    write_documents(tables, *documents, docs, card / "MODEL_CARD.md", quality_step.read_table(args.results))
    print(f"report: {docs / 'RESULTS.md'}, {card / 'MODEL_CARD.md'}")


def push(args: Namespace) -> None:
    """Upload a bundle."""
    commit = push_step.push(push_step.bundle_folder(args.checkpoint), args.to, args.private)
    print(f"push: {args.to} at {commit}. To load these very weights:")
    print(f'Diagnoser.from_pretrained("{args.to}", revision="{commit}")')


def speed(args: Namespace) -> None:
    """Print the table of `speed.measure` for every size."""
    settings = PRESETS[args.preset].backbone
    if args.backbone:
        settings = with_model(settings, args.backbone)
    print(f"speed: {speed_step.machine()}")
    batch = args.batch or settings.recipe.batch_size
    for size in args.sizes or dict.fromkeys(settings.sizes):
        for line in speed_step.measure(settings.name, size, batch, args.repeats, args.warm_up):
            print(line, flush=True)


def convert_detector(args: Namespace) -> None:
    """Convert weights of detectron2."""
    kinds = tuple(kind.strip() for kind in args.kinds.split(",")) if args.kinds else None
    print("convert-detector:", convert_step.convert_detector(args.weights, args.model, args.output, kinds))


def _prepare(args: Namespace) -> Prepared:
    return read_plan(args), read_data(args)


def _similar_run(args: Namespace) -> Path:
    """Where the regions of plain photographs by the bundle's detector are cached."""
    return args.runs / f"similar-cases-{read_config(args.checkpoint)['sha256'][DETECTOR][:8]}"


def _check_measured(args: Namespace) -> None:
    """Raise ConfigError if metrics of `evaluate`, which readers expect too, are missing."""
    if args.save and args.split not in read_metrics(args.checkpoint):
        raise ConfigError(f"The bundle has no metrics of {args.split} yet: run evaluate --split {args.split} --save.")


def _save(args: Namespace, step: str, metrics_of_step: dict) -> None:
    """Add a step's metrics to those of the split."""
    if args.save:
        metrics = read_metrics(args.checkpoint)
        write_metrics(args.checkpoint, {**metrics, args.split: {**metrics[args.split], step: metrics_of_step}})
