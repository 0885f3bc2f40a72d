"""Templates to answers; every value is escaped, and a name that a template lacks is an error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contextcompany.local.dashboard.frame import addresses, charts, formatting
from contextcompany.local.reading import figures

if TYPE_CHECKING:
    from fastapi import Request, Response

_HERE: Final = Path(__file__).parents[1]
STATIC: Final = _HERE / "static"
"""The folder of style sheets and scripts, served under `/static`."""

_SECTIONS: Final = (
    ("/", "Overview", "o"),
    ("/runs", "Runs", "r"),
    ("/sessions", "Sessions", "s"),
    ("/agents", "Agents", "a"),
    ("/users", "Users", "u"),
    ("/organisations", "Organisations", "c"),
    ("/tools", "Tools", "t"),
    ("/models", "Models", "m"),
    ("/failures", "Failures", "f"),
    ("/feedback", "Feedback", "b"),
    ("/api", "API", "i"),
)


class Pages:
    """Render the templates of the dashboard."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates", encoding="utf-8"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            duration=figures.duration_text,
            count=formatting.count_text,
            cost=formatting.cost_text,
            age=formatting.age_text,
            iso=formatting.iso_text,
            moment=formatting.moment_text,
            line=formatting.line_text,
            run_path=addresses.run_path,
            session_path=addresses.session_path,
            agent_path=addresses.agent_path,
        )
        names: dict[str, Any] = self._environment.globals
        names |= {
            "sections": _SECTIONS,
            "rate": formatting.rate_text,
            "chart_top": charts.TOP,
            "chart_plot": charts.PLOT,
            "chart_height": charts.HEIGHT,
        }

    def text(self, template: str, **values: Any) -> str:
        """Render a template with values."""
        return self._environment.get_template(template).render(values)

    def answer(
        self,
        template: str,
        *,
        section: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Render a page.

        Args:
            template: Its file name.
            section: The path of the part of the navigation it belongs to.
            status: The status of the answer.
            headers: More headers of the answer.
            values: What the template shows.
        """
        text = self.text(template, section=section, **values)
        # Half of a surrogate pair that came in an address must not break the page.
        return HTMLResponse(text.encode("utf-8", "replace"), status, headers)


def redirect(path: str) -> Response:
    """Send the browser to another page of the dashboard."""
    return RedirectResponse(path, 303)


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of a request, in order, repeated ones included."""
    return list(request.query_params.multi_items())
