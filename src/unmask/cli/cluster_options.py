"""Options of commands whose parallel work may run on a Ray cluster."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any

import typer

from unmask.cli.option_group import expand_options
from unmask.errors import ConfigError

WITHOUT_CLUSTER = "--address is of a Ray cluster; add --backend ray"


class Backend(StrEnum):
    """What runs the workers."""

    PROCESSES = "processes"
    RAY = "ray"


BackendOption = Annotated[
    Backend, typer.Option(help="Processes of this machine, or a Ray cluster.")
]
Address = Annotated[
    str | None,
    typer.Option(help="Ray cluster; default: RAY_ADDRESS, or else one on this machine."),
]


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where the parallel work of a command runs."""

    backend: BackendOption = Backend.PROCESSES
    address: Address = None

    def enter(self) -> AbstractContextManager[None]:
        """Return a context in which parallel calls run there.

        Raises:
            ConfigError: There is an address, but no cluster is asked for; or, on entering, no
                cluster answers there.
            MissingExtraError: On entering; Ray is not installed.
        """
        if self.backend is Backend.RAY:
            from unmask.preprocessing.ray_tasks import on_ray

            return on_ray(self.address)
        if self.address is not None:
            raise ConfigError(WITHOUT_CLUSTER)
        return nullcontext()


def with_cluster(command: Callable[..., Any]) -> Any:
    """Decorate a command: it gets ``--backend`` and ``--address``, and its files go there."""

    @wraps(command)
    def run(*, cluster: ClusterOptions, **values: Any) -> Any:
        with cluster.enter():
            return command(**values)

    signature = inspect.signature(command, eval_str=True)
    added = inspect.Parameter("cluster", inspect.Parameter.KEYWORD_ONLY)
    parameters = [*signature.parameters.values(), added]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return expand_options("cluster", ClusterOptions)(run)
