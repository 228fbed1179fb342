"""Where the teaching data lie. Imports nothing heavy, so that a command line starts at once."""

from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
CASES_FILE = DATA / "cases.json"
GLOSSARY = DATA / "glossary"  # a file for each language
LESSONS = DATA / "lessons"
LANGUAGES = DATA.parents[1] / "assets" / "languages"
CRITERIA_FILE = DATA / "criteria.yaml"
