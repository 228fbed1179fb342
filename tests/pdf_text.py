"""The text of PDF files."""

import pypdfium2


def pages(pdf: bytes) -> list[str]:
    """The text of each page, words separated by single spaces."""
    document = pypdfium2.PdfDocument(pdf)
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def words(pdf: bytes) -> str:
    """The text of a PDF file of one page."""
    (only,) = pages(pdf)
    return only
