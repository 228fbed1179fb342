"""Step 'push': a bundle, its card and its checksums to a repository on the Hugging Face Hub."""

import json
import shutil
import tempfile
from pathlib import Path

from mat_core.bundle import CONFIG, METRICS, find_bundles, load_bundle, read_config, read_metrics
from mat_core.errors import BundleError, UserError
from mat_core.files import checksum

from ..documents.hub_card import hub_card

CARD, SUMS = "README.md", "SHA256SUMS"


class PushError(UserError):
    """The Hub did not take it."""


def write_package(bundle: Path, repo: str, folder: Path) -> list[Path]:
    """What is pushed of a bundle: its own files, those that it shares with its neighbour, a card, checksums of all.

    The package is loaded once, as who downloads it will. Returns its files. Raises BundleError.
    """
    load_bundle(bundle)  # tells what is wrong before anything is copied
    config = read_config(bundle)
    beside = config["detector"].pop("beside", None)
    for file in config["sha256"]:
        own = bundle / file
        shutil.copyfile(own if own.is_file() else bundle.parent / str(beside) / file, folder / file)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if (bundle / METRICS).is_file():
        shutil.copyfile(bundle / METRICS, folder / METRICS)
    (folder / CARD).write_text(hub_card(repo, config, read_metrics(bundle)), encoding="utf-8")
    files = sorted(folder.iterdir())
    (folder / SUMS).write_text("".join(f"{checksum(file)}  {file.name}\n" for file in files), encoding="utf-8")
    load_bundle(folder)
    return [*files, folder / SUMS]


def push(bundle: Path, repo: str, private: bool = False) -> str:
    """Make the repository where there is none and put the bundle there in one commit; returns that commit.

    Who is logged in (hf auth login, or HF_TOKEN) must be allowed to write there. Raises BundleError, PushError.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
    from huggingface_hub.utils import disable_progress_bars, logging

    logging.set_verbosity_error()
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        write_package(bundle, repo, Path(folder))
        api = HfApi()
        try:
            api.create_repo(repo, private=private, exist_ok=True)
            made = api.upload_folder(
                repo_id=repo, folder_path=folder, commit_message=f"{read_config(bundle)['name']}, as it was measured"
            )
        except LocalTokenNotFoundError:
            said = "You are not logged in to the Hub: hf auth login, or set HF_TOKEN."
        except HFValidationError:
            said = f"A repository is named as user/name, in letters, digits, '-', '_' and '.'; got {repo}."
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            said = _refused(repo, status, error.server_message)
        except Exception as error:  # of httpx, of hf_xet, of the check of the card: nearly anything
            first = (str(error).splitlines() or [""])[0][:160].rstrip(".") or type(error).__name__
            said = f"The Hub could not be reached, or did not take {repo} ({first}): check the connection, push again."
        else:
            return made.oid
    raise PushError(said)


def bundle_folder(checkpoint: Path) -> Path:
    """The folder, if it is a bundle's. Raises BundleError that names those there are."""
    if (checkpoint / CONFIG).is_file():
        return checkpoint
    near = ", ".join(str(found) for found in find_bundles(checkpoint)) or "none below it"
    raise BundleError(f"{checkpoint} is no model bundle: it has no {CONFIG}. Bundles: {near}.")


def _refused(repo: str, status: int, message: str | None) -> str:
    if status in (401, 403):
        return f"The Hub does not let you write to {repo}: log in as who may (hf auth login, or HF_TOKEN)."
    return f"The Hub did not take {repo} (status {status}{f': {message}' if message else ''}). Push again later."
