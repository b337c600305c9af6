"""Pages from jinja2 templates; what every template is given is said in `Pages.html`."""

from collections.abc import Mapping
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from agenda.people import Practitioner
from billing.monitoring import shown_duration
from web.figures import amount_in_words, month_in_words
from web.io.catalogues import Catalogues
from web.io.static_files import StaticFiles
from web.languages import Language
from web.problems import KINDS

# "<", ">" and "&" could end the script element or begin a comment in it; in JSON they stand in strings only.
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def json_data(value: object) -> Markup:
    """Return `value` as JSON that is safe within a script element of HTML."""
    return Markup(msgspec.json.encode(value).decode().translate(_UNSAFE))  # noqa: S704 (every unsafe character is escaped)


class Pages:
    """Renders templates in a language."""

    def __init__(self, templates: Path, catalogues: Catalogues, statics: StaticFiles, version: str) -> None:
        self._catalogues = catalogues
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["json_data"] = json_data
        self._environment.globals.update(static=statics.url, version=version)

    def text(self, language: Language, msgid: str) -> str:
        """Return a sentence in that language."""
        return self._catalogues.text(language, msgid)

    def problem(self, language: Language, code: str) -> str:
        """Return a problem's sentence in that language."""
        return self.text(language, KINDS[code].sentence)

    def html(
        self,
        page: str,
        language: Language,
        path: str,
        *,
        practitioner: Practitioner | None = None,
        data: Mapping[str, object] | None = None,
        sandbox: bool = False,
        **values: object,
    ) -> str:
        """Return the page.

        Every template has `lang`, `_`, `page`, `page_data`, `practitioner`, `path` (where a change of language
        leads back to), `static`, `version`, `sentence_of` (a problem's code → its sentence), `said` (as `_`,
        for what is no literal), `sandbox` (whether no real money moves), `money`, `duration`, `month_of` (`2026-03` in
        words) and `values` of its own.
        """

        def gettext(msgid: str, **parameters: object) -> str:
            text = self.text(language, msgid)
            return text.format(**parameters) if parameters else text

        catalogue = self._catalogues.catalogue(language)
        return self._environment.get_template(f"{page}.html").render(
            lang=language,
            _=gettext,
            page=page,
            page_data={"lang": language, "page": page, "catalogue": catalogue, **(data or {})},
            practitioner=practitioner,
            sandbox=sandbox,
            path=path,
            sentence_of=lambda code: self.problem(language, code),
            said=gettext,
            money=lambda minor, currency: amount_in_words(minor, currency, language),
            duration=shown_duration,
            month_of=lambda month, short=False: month_in_words(month, language, short=short),
            **values,
        )
