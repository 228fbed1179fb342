"""Download bundles from the Hugging Face Hub. Without a Hub id nothing is downloaded."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import BundleError
from ..utils.formatting import first_line


def downloaded(source: str | Path | None) -> bool:
    """Whether `source` is a Hub id and not a local folder."""
    return source is not None and not os.path.isdir(source)


def download(repo: str, revision: str | None, files: Sequence[str]) -> Path:
    """The local folder with `files` of `repo` ('owner/name'). revision: a commit, tag or branch; None: main.

    Downloads are cached; the cache is used without a connection or with HF_HUB_OFFLINE=1. Raises BundleError.
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

    logging.set_verbosity_error()
    name = repo if revision is None else f"{repo} at {revision}"
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(files)))
    except GatedRepoError:
        message = f"The model {repo} wants you to ask for access on its page on the Hub, and to log in: hf auth login."
    except RepositoryNotFoundError:
        message = f"There is no folder {repo} here and no model {repo} on the Hub, or it is private."
    except RevisionNotFoundError:
        message = f"The model {repo} on the Hub has no revision {revision}."
    except HFValidationError:
        message = f"There is no folder {repo} here, and no model on the Hub can have this name."
    except Exception as error:  # of httpx, of hf_xet, of the disk: nearly anything
        if constants.HF_HUB_OFFLINE:
            message = f"{name} was not downloaded before, and HF_HUB_OFFLINE forbids to download it."
        elif isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            message = f"{name} could not be saved: {error.strerror} ({error.filename}). Set HF_HOME to another folder."
        elif not isinstance(error, HfHubHTTPError | LocalEntryNotFoundError) and "httpx" not in type(error).__module__:
            message = f"The download of {name} from the Hub was incomplete ({first_line(error)}). Try again."
        else:
            message = (
                f"There is no folder {repo} here, and the Hub could not be reached to download it. "
                "Check the connection, or give the folder of a bundle."
            )
    raise BundleError(message)
