"""Bundles by name on the Hugging Face Hub. Nothing here runs, and no network is asked, unless such a name is given."""

import os
from collections.abc import Sequence
from pathlib import Path

from .errors import BundleError


def downloaded(source: str | Path | None) -> bool:
    """Whether a source that was found is a name on the Hub: what is a folder here never is."""
    return source is not None and not os.path.isdir(source)


def download(repo: str, revision: str | None, files: Sequence[str]) -> Path:
    """The folder with these files of `repo` ('owner/name') at a revision: a commit, a tag or a branch, None: main.

    What was downloaded before is not asked for again; without a connection, or with HF_HUB_OFFLINE=1, it is all there
    is. Raises BundleError.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its retries are no news to a person; the outcome is
    what = repo if revision is None else f"{repo} at {revision}"
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(files)))
    except GatedRepoError:
        said = f"The model {repo} wants you to ask for access on its page on the Hub, and to log in: hf auth login."
    except RepositoryNotFoundError:
        said = f"There is no folder {repo} here and no model {repo} on the Hub, or it is private."
    except RevisionNotFoundError:
        said = f"The model {repo} on the Hub has no revision {revision}."
    except HFValidationError:
        said = f"There is no folder {repo} here, and no model on the Hub can have this name."
    except Exception as error:  # of httpx, of hf_xet, of the disk: nearly anything
        if constants.HF_HUB_OFFLINE:
            said = f"{what} was not downloaded before, and HF_HUB_OFFLINE says not to ask the Hub."
        elif isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            said = f"{what} could not be kept: {error.strerror} ({error.filename}). Name another folder in HF_HOME."
        elif not isinstance(error, HfHubHTTPError | LocalEntryNotFoundError) and "httpx" not in type(error).__module__:
            said = f"{what} came from the Hub not whole ({_first(error)}): ask again."
        else:
            said = (
                f"There is no folder {repo} here, and the Hub could not be reached to download it. "
                "Check the connection, or give the folder of a bundle."
            )
    raise BundleError(said)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:160].rstrip(".") or type(error).__name__
