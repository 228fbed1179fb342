"""Errors for users. The command line prints their message and exits with status 2; the app shows it."""


class UserError(ValueError):
    """Base class; its message is meant for users."""


class ImageError(UserError):
    """An image cannot be read."""


class NarrowImageError(ImageError):
    """An image is too narrow; a crop of it may not be."""


class MetadataError(UserError):
    """A metadata field has an invalid value."""


class ConfigError(UserError):
    """An invalid setting or argument."""


class NotInstalledError(ConfigError):
    """An optional library is not installed."""


class BundleError(UserError):
    """A model bundle is missing, damaged or incompatible."""


class DataError(UserError):
    """A data set or table is incomplete or inconsistent."""
