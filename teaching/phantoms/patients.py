"""The made-up patients: ages, sites and how the diagnosis was confirmed."""

import numpy as np

from mat_core.data.metadata import SEXES, Metadata

# mean and spread of the age, and sites in falling frequency, roughly as HAM10000 counts them
AGES = {"bcc": (67, 13), "df": (52, 13), "mel": (61, 14), "bkl": (64, 14), "nv": (46, 16), "akiec": (67, 12),
        "vasc": (51, 19)}  # fmt: skip
SITES = {
    "bcc": ("back", "face", "upper extremity", "chest", "lower extremity", "neck", "ear"),
    "df": ("lower extremity", "upper extremity", "back", "hand", "trunk"),
    "mel": ("back", "upper extremity", "lower extremity", "face", "chest", "abdomen", "neck", "foot", "acral"),
    "bkl": ("back", "face", "lower extremity", "upper extremity", "abdomen", "chest", "scalp", "ear"),
    "nv": ("trunk", "lower extremity", "back", "abdomen", "upper extremity", "foot", "hand", "genital"),
    "akiec": ("face", "upper extremity", "scalp", "hand", "back", "lower extremity", "ear"),
    "vasc": ("back", "abdomen", "lower extremity", "trunk", "chest", "foot", "face"),
}
CONFIRMED = {
    "bcc": ("histo",), "df": ("histo", "consensus"), "mel": ("histo",),
    "bkl": ("histo", "histo", "consensus", "confocal"), "nv": ("follow_up", "histo", "follow_up", "consensus"),
    "akiec": ("histo",), "vasc": ("consensus", "histo"),
}  # fmt: skip


def patient_of(rng: np.random.Generator, diagnosis: str) -> Metadata:
    """A plausible patient; age (steps of 5 years), sex and site each missing in one of ten, dx_type never."""
    mean, spread = AGES[diagnosis]
    age = int(np.clip(5 * round(rng.normal(mean, spread) / 5), 0, 85))
    sites = SITES[diagnosis]
    weight = 1 / np.arange(1, len(sites) + 1)
    site = str(rng.choice(sites, p=weight / weight.sum()))
    sex = str(rng.choice(SEXES))
    dx_type = str(rng.choice(CONFIRMED[diagnosis]))
    no_age, no_sex, no_site = rng.random(3) < 0.1
    return Metadata(None if no_age else age, None if no_sex else sex, None if no_site else site, dx_type)


def csv_row(patient: Metadata, code: str, i: int, odd: int) -> dict[str, str]:
    """The patient as HAM10000's csv writes one. The first lesions (`odd` 0 to 2) have every oddity, by number."""
    age = "" if odd == 0 or patient.age is None else f"{patient.age:.1f}"
    sex = "unknown" if odd == 1 or patient.sex is None else patient.sex
    site = "unknown" if odd == 2 or patient.localization is None else patient.localization
    dx_type = CONFIRMED[code][i % len(CONFIRMED[code])]
    return {"dx_type": dx_type, "age": age, "sex": sex, "localization": site}
