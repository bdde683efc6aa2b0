"""Coverage: which kinds of forgeries the detector was tested on, and which never."""

from collections.abc import Mapping

from pydantic import Field

from unmask.serving.report.base import ReportModel


class TestedFamily(ReportModel):
    """Verdicts on the test fakes of one family of generators."""

    __test__ = False  # no test, whatever pytest takes the name for

    family: str = Field(description="Family of generators.")
    manipulations: tuple[str, ...] = Field(description="Kinds of it, as the data sets name them.")
    clips: int = Field(ge=1, description="Fakes of this family.")
    misses: int = Field(ge=0, description="Fakes called real.")
    inconclusive: int = Field(ge=0, description="Fakes without a verdict.")


class Coverage(ReportModel):
    """What the detector was tested on; each kind alone is in `measured.by_manipulation`."""

    tested: tuple[TestedFamily, ...] = Field(description="Families with test clips.")
    untested: tuple[str, ...] = Field(description="Known families without a test clip.")
    untested_generators: Mapping[str, tuple[str, ...]] = Field(
        description="Published generators without a test clip, as data sets name them, by family."
    )
    messages: tuple[str, ...] = Field(description="The same in words, without generators.")
