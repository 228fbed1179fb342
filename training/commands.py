"""The steps of `python -m training`: what each is asked, and what it calls."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from mat_core.bundle import DEFAULT, Bundle, save_bundle
from mat_core.errors import ConfigError, UserError
from mat_core.files import checksum
from mat_core.ham10000 import ATTRIBUTION, SPLIT_FILE, Dataset, read_dataset
from mat_core.units import UNITS

from .presets import PRESETS, Plan
from .results import RESULTS

STEPS = {
    "split": "make a new split by lesion (the project's own is assets/ham10000_split.csv)",
    "backbone": "teach the ImageNet backbone skin, as a whole-image classifier",
    "detector": "train Faster R-CNN on the lesion boxes of the masks",
    "features": "cache the regions of every image, several augmented views",
    "mat": "train the Mutual Attention Transformer on the cached regions",
    "bundle": "calibrate on val, fit the novelty score and write the model bundle",
    "evaluate": "measure a bundle on a split",
    "explain": "check a bundle's attention against ablation on a whole split (after evaluate --save)",
    "baseline": "train a plain timm classifier on the whole image, to compare with (--model NAME)",
    "ablation": "train every row of the paper's table and the controls, under both protocols",
    "report": "the figures of docs/results, and the documents made of them",
    "all": "backbone, detector, features, mat, bundle, evaluate",
    "status": "what is done, what runs and how long it still takes (loads no torch)",
    "speed": "measure a training step of the backbone with and without what makes it faster",
    "convert-detector": "weights of detectron2's model zoo to safetensors (docs/DETECTRON2.md)",
}


def main(argv: list[str]) -> int:
    """Run one step; 0 when it is done, 2 with a sentence when it cannot be."""
    args = _parser().parse_args(argv)
    try:
        if args.step == "convert-detector":
            _convert(args)
            return 0
        if args.step == "speed":
            _speed(args)
            return 0
        plan = PRESETS[args.preset]
        if args.unit:
            plan = replace(plan, mat=replace(plan.mat, unit=args.unit))
        if args.backbone:
            from .presets import with_backbone

            plan = with_backbone(plan, args.backbone)
        if args.step in ("mat", "ablation", "all"):  # 'all' is long: a file that is none is told before it begins
            args.vectors = _vectors(args)
        if args.step == "split":
            from .splits import make_split

            print(make_split(read_dataset(args.data, None).cases, args.split_file, seed=args.seed))
            return 0
        data = read_dataset(args.data, args.split_file)
        for problem in data.problems:
            print(problem, file=sys.stderr)
        if args.step in (*RUNNERS, "all"):
            _note_plan(args, plan)
        for step in _all(args) if args.step == "all" else (args.step,):
            (RUNNERS | OTHERS)[step](args, plan, data)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from where it was saved last, minutes ago.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From a HAM10000 folder to a model bundle, one command a step."
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, text in STEPS.items():
        step = steps.add_parser(name, help=text, description=text)
        if name == "convert-detector":
            step.add_argument("--weights", required=True, metavar="FILE", help="the zoo's .pkl; 'zoo': download it")
            step.add_argument(
                "--model", required=True, help="its name there, such as COCO-Detection/faster_rcnn_....yaml"
            )
            step.add_argument("--output", type=Path, required=True, help="the safetensors file to write")
            step.add_argument("--kinds", help="what its class head was taught, with commas (default: COCO's 80)")
            continue
        if name == "speed":
            step.add_argument("--preset", choices=PRESETS, default="two-cores", help="whose backbone, sizes and batch")
            step.add_argument("--backbone", help="any timm model (default: the plan's)")
            step.add_argument(
                "--sizes", nargs="+", type=_size, metavar="HxW", help="of the images (default: the plan's)"
            )
            step.add_argument("--batch", type=_positive, help="images a step (default: the plan's)")
            step.add_argument("--repeats", type=_positive, default=7, help="steps that count (default: 7)")
            step.add_argument("--warm-up", type=_positive, default=2, help="steps before (default: 2)")
            continue
        if name == "status":
            continue  # has a parser of its own, see `status.main`
        step.add_argument("--data", type=Path, required=True, help="folder of the HAM10000 download")
        step.add_argument("--split-file", type=Path, default=SPLIT_FILE, help="csv of the split (default: our own)")
        step.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
        step.add_argument("--preset", choices=PRESETS, default="two-cores", help="the plan (default: two-cores)")
        step.add_argument("--unit", help="transformer unit (default: sga-sga)")
        step.add_argument("--backbone", help="any timm model with maps of strides 8, 16, 32 (default: the plan's)")
        step.add_argument("--backbone-weights", type=Path, help="backbone: its ImageNet weights, timm's safetensors")
        step.add_argument("--glove", type=Path, help="mat, ablation: a GloVe file, text or zip (default: 6B 50d)")
        step.add_argument("--glove-width", type=int, help="mat, ablation: numbers a word, for a zip of several files")
        step.add_argument("--detector", help="features, bundle, all: 'detectron2:MODEL' (default: our own)")
        step.add_argument("--detector-weights", type=Path, help="of --detector: what convert-detector wrote")
        step.add_argument("--detector-side", type=int, help="of --detector: short side of its input (default: 800)")
        step.add_argument("--checkpoint", type=Path, default=DEFAULT, help="the bundle's folder (default: the app's)")
        step.add_argument(
            "--split", default="test", choices=("val", "test"), help="evaluate or explain this (default: test)"
        )
        step.add_argument("--views", action="store_true", help="evaluate: mean over eight turned and mirrored views")
        step.add_argument("--units", action="store_true", help="evaluate: all bundles beside it with its detector, too")
        step.add_argument("--save", action="store_true", help="evaluate, explain: keep the figures in the bundle")
        step.add_argument("--limit", type=int, help="explain: only so many cases, drawn with --seed (default: all)")
        step.add_argument("--model", help="baseline: a timm model's name (default: the plan's backbone)")
        step.add_argument("--results", type=Path, default=RESULTS, help="rows of the tables (default: docs/results)")
        step.add_argument("--beside", help="bundle: name of a bundle beside it with the same detector, to share it")
        step.add_argument("--row", help="mat, bundle: a row of the tables (default: clean-UNIT-seed0)")
        step.add_argument("--seed", type=int, default=0, help="split, explain: of the draw")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) >= 32 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no HEIGHTxWIDTH, such as 168x224, of 32 pixels and more")
    return int(sides[0]), int(sides[1])


def _all(args) -> list[str]:
    """The steps of 'all'; another detector needs no training here."""
    _asked_detector(args)
    return [step for step in RUNNERS if not (args.detector and step in ("backbone", "detector"))]


def _convert(args) -> None:
    from .convert import convert_detector

    kinds = tuple(kind.strip() for kind in args.kinds.split(",")) if args.kinds else None
    print("convert-detector:", convert_detector(args.weights, args.model, args.output, kinds))


def _speed(args) -> None:
    from .backbone import with_model
    from .speed import machine, measure

    backbone = PRESETS[args.preset].backbone
    if args.backbone:
        backbone = with_model(backbone, args.backbone)
    print(f"speed: {machine()}")
    for size in args.sizes or dict.fromkeys(backbone.sizes):
        for line in measure(backbone.name, size, args.batch or backbone.recipe.batch_size, args.repeats, args.warm_up):
            print(line, flush=True)


def _asked_detector(args):
    """The source of features that --detector names; None without it."""
    if not args.detector:
        if args.detector_weights or args.detector_side:
            raise ConfigError("--detector-weights and --detector-side belong to --detector: give that too.")
        return None
    kind, _, model = args.detector.partition(":")
    if kind != "detectron2" or not model:
        raise ConfigError(f"--detector must be detectron2:MODEL, or left out for our own; got {args.detector!r}.")
    if not args.detector_weights:
        raise ConfigError("--detector needs --detector-weights, a file that convert-detector wrote.")
    from .convert import detectron2_source

    return detectron2_source(model, args.detector_weights, args.detector_side)


def _backbone(args, plan: Plan, data: Dataset) -> None:
    from .backbone import train_backbone
    from .splits import hold_out

    data, _ = hold_out(data, plan.features.held_out)
    print("backbone:", train_backbone(data, args.runs / "backbone", plan.backbone, args.backbone_weights))


def _detector(args, plan: Plan, data: Dataset) -> None:
    from .detector import train_detector
    from .splits import hold_out

    data, _ = hold_out(data, plan.features.held_out)
    weights = args.runs / "backbone" / "best.safetensors"
    print("detector:", train_detector(data, args.runs / "detector", weights, plan.detector))


def _features(args, plan: Plan, data: Dataset) -> None:
    from .detector import trained_detector
    from .features import cache_features

    source = _asked_detector(args) or trained_detector(args.runs / "detector", plan.detector.config)
    cache_features(data, args.runs / "features", source, plan.features)
    print("features: complete")


def _row(args, plan: Plan):
    """Name and settings of the table's row that a step is about: it is the same run, whichever step trains it."""
    from .ablation import row_settings

    name = args.row or f"clean-{plan.mat.unit}-seed{plan.mat.recipe.seed}"
    return name, row_settings(name, plan.mat)


def _note_plan(args, plan: Plan) -> None:
    """What `status` tells of steps that have not begun."""
    from .engine import write_json
    from .status import PLAN

    name, mat = _row(args, plan)
    recipes = {"backbone": plan.backbone.recipe, "detector": plan.detector.recipe, "mat": mat.recipe}
    epochs = {step: recipe.epochs for step, recipe in recipes.items()}
    noted = {"preset": args.preset, "epochs": epochs, "row": name, "checkpoint": str(args.checkpoint.resolve())}
    write_json(noted, args.runs / PLAN)


def _vectors(args):
    """The word vectors of --glove; None for those that are installed."""
    from mat_core.metadata import closed_vocabulary

    from .glove import read_glove

    if not args.glove:
        if args.glove_width:
            raise ConfigError("--glove-width chooses within the file of --glove: give that too.")
        return None
    vectors = read_glove(args.glove, closed_vocabulary(), args.glove_width)
    print("glove:", vectors.report(), flush=True)
    return vectors


def _mat(args, plan: Plan, data: Dataset) -> None:
    from .mat import train_mat

    name, settings = _row(args, plan)
    features = args.runs / "features"
    print(f"{name}:", train_mat(data, args.runs / name, features, plan.features, settings, args.vectors))


def _used_detector(args, plan: Plan):
    """The source that --detector names; without it, the one that the features are of."""
    from .detector import trained_detector
    from .features import recorded

    made = recorded(args.runs / "features")
    if args.detector or made is None or made["kind"] == "torchvision":
        return _asked_detector(args) or trained_detector(args.runs / "detector", plan.detector.config)
    from .convert import recorded_source

    return recorded_source(made)


def _bundle(args, plan: Plan, data: Dataset) -> None:
    from .evaluate import fit_temperature
    from .features import claim, load_features, stages
    from .mat import check_detector, encode, load_network, network_logits
    from .novelty import fit_novelty

    name, mat = _row(args, plan)
    val = data.of("val")
    regions = load_features(args.runs / "features", "val", 0, len(val))
    source = _used_detector(args, plan)
    claim(args.runs / "features", source)
    check_detector(args.runs / name, args.runs / "features")
    n, width = regions.inputs.shape[1:]
    network, vocabulary = load_network(args.runs / name, mat, width, n)
    logits = network_logits(network, regions, encode(val, vocabulary, mat.fields))
    parts = stages(data, plan.features)
    part = "held" if parts["held"][1] else "train"  # photographs that the detector has not learnt by heart
    cases, views = parts[part]
    seen = load_features(args.runs / "features", part, views[0], len(cases))
    planned = json.loads(json.dumps(asdict(replace(plan, mat=mat))))
    bundle = Bundle(
        network,
        source.load(),
        vocabulary,
        source.kind,
        fields=mat.fields,
        temperature=fit_temperature(logits.numpy(), [c.label for c in val]),
        name=f"MAT {UNITS[mat.unit].name}" + (", told dx_type" if "dx_type" in mat.fields else ""),
        split={"file": args.split_file.name, "sha256": checksum(args.split_file)},
        novelty=fit_novelty(seen, regions),
        notes={
            "preset": args.preset,
            "plan": {
                k: v for k, v in planned.items() if source.kind == "torchvision" or k not in ("backbone", "detector")
            },
            "glove": json.loads((args.runs / name / "settings.json").read_text()).get("glove", "6B 50d"),
            "data": ATTRIBUTION,
            "licence": "CC BY-NC 4.0 (trained on HAM10000, which has this licence)",
        },
    )
    folder = save_bundle(bundle, args.checkpoint, beside=args.beside)
    print(f"bundle: {folder}, temperature {bundle.temperature:.3f} from val")


def _baseline(args, plan: Plan, data: Dataset) -> None:
    from .backbone import baseline_row, with_model
    from .splits import hold_out

    model = args.model or plan.backbone.name
    # the plan's own backbone is such a classifier already
    run = args.runs / ("backbone" if model == plan.backbone.name else f"baseline-{model}")
    learnt, _ = hold_out(data, plan.features.held_out)
    settings = with_model(plan.backbone, model)
    print("baseline:", baseline_row(data, learnt, run, settings, args.results, args.backbone_weights))


def _ablation(args, plan: Plan, data: Dataset) -> None:
    from .ablation import run_ablation
    from .features import recorded

    features = args.runs / "features"
    ours = (recorded(features) or {"kind": "torchvision"})["kind"] == "torchvision"
    run_ablation(
        data, args.runs, features, plan.features, plan.mat, args.results, plan.ablation, args.vectors,
        plan.detector if ours else None,
    )  # fmt: skip


def _evaluate(args, plan: Plan, data: Dataset) -> None:
    from mat_core.bundle import find_bundles, write_metrics
    from mat_core.diagnoser import Diagnoser
    from mat_core.explain.side_by_side import same_detector

    from .evaluate import answer_units, figures_of, report

    cases = data.of(args.split)
    folders = [args.checkpoint]
    if args.units:
        folders += [folder for folder in find_bundles(args.checkpoint.parent) if folder != args.checkpoint]
    diagnosers = {folder: Diagnoser.from_pretrained(folder) for folder in folders}
    first = diagnosers[args.checkpoint].bundle
    for folder in folders[1:]:
        if not same_detector(first, diagnosers[folder].bundle):
            raise ConfigError(f"{folder} has another detector than {args.checkpoint}: evaluate it without --units.")
    name = f"{args.split}_8_views" if args.views else args.split
    answers = answer_units(list(diagnosers.values()), cases, args.views)
    for (folder, diagnoser), these in zip(diagnosers.items(), answers, strict=True):
        # the mean of several views has no temperature of its own
        figures = figures_of(cases, these, None if args.views else diagnoser.bundle.temperature)
        print(report(figures, f"{folder.name}, {name}" if args.units else name))
        if args.save or args.step == "all":
            before = diagnoser.bundle.metrics
            explained = before.get(name, {}).get("explain")  # by a step of its own, of the same weights
            kept = {} if explained is None else {"explain": explained}
            write_metrics(folder, {**before, name: figures | kept})


def _explain(args, plan: Plan, data: Dataset) -> None:
    from mat_core.bundle import write_metrics
    from mat_core.diagnoser import Diagnoser

    from .explain import explain_split, report

    diagnoser = Diagnoser.from_pretrained(args.checkpoint)
    metrics = diagnoser.bundle.metrics
    if args.save and args.split not in metrics:  # before the long work: a split's readers expect its figures too
        raise ConfigError(f"The bundle has no figures of {args.split} yet: run evaluate --split {args.split} --save.")
    figures = explain_split(diagnoser, data.of(args.split), args.limit, args.seed)
    print(report(figures, args.split))
    if args.save:
        write_metrics(args.checkpoint, {**metrics, args.split: {**metrics[args.split], "explain": figures}})


def _report(args, plan: Plan, data: Dataset) -> None:
    from mat_core.diagnoser import Diagnoser

    from .report import DOCS, measure, shipped, write

    documents = shipped(args.checkpoint.parent)
    figures = measure(data, args.results, Diagnoser.from_pretrained(args.checkpoint.parent / DEFAULT.name))
    docs = DOCS if args.results == RESULTS else args.results.parent
    card = (DOCS.parent if args.results == RESULTS else args.results.parent) / "MODEL_CARD.md"
    write(figures, *documents, docs, card)
    print(f"report: {docs / 'RESULTS.md'}, {card}")


RUNNERS = {
    "backbone": _backbone,
    "detector": _detector,
    "features": _features,
    "mat": _mat,
    "bundle": _bundle,
    "evaluate": _evaluate,
}
OTHERS = {
    "baseline": _baseline,
    "ablation": _ablation,
    "explain": _explain,
    "report": _report,
}  # on request; not in 'all'
