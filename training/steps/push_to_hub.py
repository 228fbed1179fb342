"""Step 'push': a bundle, its card and its checksums to a repository on the Hugging Face Hub."""

import json
import shutil
import tempfile
from pathlib import Path

from mat_core.errors import BundleError, UserError
from mat_core.inference.bundle import CONFIG, METRICS, find_bundles, load_bundle, read_config, read_metrics
from mat_core.utils.files import sha256_of
from mat_core.utils.formatting import first_line

from ..documents.hub_card import hub_card

CARD, SUMS = "README.md", "SHA256SUMS"


class PushError(UserError):
    """The Hub refused the push or was not reached."""


def write_package(bundle: Path, repo: str, folder: Path) -> list[Path]:
    """Copy a bundle, with shared files, card and checksums, into `folder` and load it. Returns the files.

    Raises BundleError.
    """
    load_bundle(bundle)
    config = read_config(bundle)
    beside = config["detector"].pop("beside", None)
    for file in config["sha256"]:
        file_path = bundle / file
        shutil.copyfile(file_path if file_path.is_file() else bundle.parent / str(beside) / file, folder / file)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if (bundle / METRICS).is_file():
        shutil.copyfile(bundle / METRICS, folder / METRICS)
    (folder / CARD).write_text(hub_card(repo, config, read_metrics(bundle)), encoding="utf-8")
    files = sorted(folder.iterdir())
    (folder / SUMS).write_text("".join(f"{sha256_of(file)}  {file.name}\n" for file in files), encoding="utf-8")
    load_bundle(folder)
    return [*files, folder / SUMS]


def push(bundle: Path, repo: str, private: bool = False) -> str:
    """Create the repository if needed and push the bundle in one commit; returns the commit.

    Needs write access by hf auth login or HF_TOKEN. Raises BundleError, PushError.
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
            commit = api.upload_folder(
                repo_id=repo, folder_path=folder, commit_message=f"{read_config(bundle)['name']}, as it was measured"
            )
        except LocalTokenNotFoundError:
            message = "You are not logged in to the Hub: hf auth login, or set HF_TOKEN."
        except HFValidationError:
            message = f"A repository is named as user/name, in letters, digits, '-', '_' and '.'; got {repo}."
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            message = _refused(repo, status, error.server_message)
        except Exception as error:  # of httpx, of hf_xet, of the check of the card: nearly anything
            first = first_line(error)
            message = (
                f"The Hub could not be reached, or did not take {repo} ({first}): check the connection, push again."
            )
        else:
            return commit.oid
    raise PushError(message)


def bundle_folder(checkpoint: Path) -> Path:
    """The folder, if it is a bundle. Raises BundleError with the bundles below it."""
    if (checkpoint / CONFIG).is_file():
        return checkpoint
    nearby = ", ".join(str(folder) for folder in find_bundles(checkpoint)) or "none below it"
    raise BundleError(f"{checkpoint} is no model bundle: it has no {CONFIG}. Bundles: {nearby}.")


def _refused(repo: str, status: int, message: str | None) -> str:
    if status in (401, 403):
        return f"The Hub does not let you write to {repo}: log in as who may (hf auth login, or HF_TOKEN)."
    return f"The Hub did not take {repo} (status {status}{f': {message}' if message else ''}). Push again later."
