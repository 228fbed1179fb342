"""Errors that a person reads: what was wrong, what is allowed, what to do.

The command line prints them and exits with status 2; the app shows them in the page. Anything else that escapes is
a bug.
"""


class UserError(ValueError):
    """Base of every error whose message is meant for the person at the keyboard."""


class ImageError(UserError):
    """The bytes or the file are no picture that can be read."""


class MetadataError(UserError):
    """A metadata field has a value outside what is allowed."""


class ConfigError(UserError):
    """A network configuration that cannot work."""


class NotInstalledError(ConfigError):
    """A library that only some configurations need is not there."""


class BundleError(UserError):
    """A model bundle is missing, damaged, or made for something else."""


class DataError(UserError):
    """A data set folder lacks something or contradicts itself."""
