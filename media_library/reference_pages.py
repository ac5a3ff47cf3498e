"""The reference page of forms: what files can be made into, and why one may not be."""

from inro.common.referencing import PAGES, Page, code, table
from media_library.transcoding.forms import FORMS, Form
from media_library.transcoding.jobs import MEANINGS


def register() -> None:
    PAGES.add(Page("forms", "Forms of files", forms_page))


def forms_page() -> str:
    about = (
        "A file is made into these where a channel does not take it as it is, or to be looked at. "
        "Each is made in a process of its own, which is ended when it takes too long."
    )
    forms = [
        (code(form.name), form.label, code(form.mime_type), _sources(form.sources), _limit(form))
        for form in FORMS.values()
    ]
    heads = ("Form", "What it is", "Type", "Made of", "Ended after")
    failures = [(code(name), meaning) for name, meaning in MEANINGS.items()]
    return (
        f"{about}\n\n{table(heads, forms)}\n\n"
        "One that could not be made says why, with a message for people and one of these codes.\n\n"
        f"{table(('Code', 'Meaning'), failures)}"
    )


def _sources(types: frozenset[str]) -> str:
    return ", ".join(code(each) for each in sorted(types))


def _limit(form: Form) -> str:
    minutes = round(form.seconds / 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
